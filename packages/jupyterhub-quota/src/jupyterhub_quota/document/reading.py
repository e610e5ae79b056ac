"""Read the policy document from a file, from text or from Python data."""

import json
import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from jupyterhub_quota.amounts import MIB
from jupyterhub_quota.document.contradictions import contradictions
from jupyterhub_quota.document.meaning import policy_of
from jupyterhub_quota.document.mistakes import EXAMPLE, validated
from jupyterhub_quota.document.tree import read_mapping, read_yaml
from jupyterhub_quota.document.written import Written
from jupyterhub_quota.errors import PolicyError
from jupyterhub_quota.policy import Policy

_LARGEST = MIB
# JSON leaves these as they are, and YAML takes them for the end of a line.
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")


def load_policy(path: FilePath) -> Policy:
    """
    Read the policy from the file at *path*.

    Raises:
        PolicyError: with every problem of the file.
    """
    try:
        if path.is_dir():
            raise PolicyError(f"{path}: is a folder; name the policy file in it")
        if path.exists() and not path.is_file():
            raise PolicyError(f"{path}: is not a regular file; name a policy file")
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError as error:
        raise PolicyError(f"{path}: there is no such file; check the name, or write the policy there") from error
    except PermissionError as error:
        raise PolicyError(f"{path}: may not be read by this user; check the permissions of the file") from error
    except (OSError, ValueError) as error:
        raise PolicyError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return parse_policy(content, str(path))


def parse_policy(text: str | bytes, source: str = "policy") -> Policy:
    """
    Return the policy that the YAML *text* means.

    Args:
        text: the policy; bytes are UTF-8.
        source: name of the file, for messages.

    Raises:
        PolicyError: with every problem of the text.
    """
    if len(text) > _LARGEST:
        raise PolicyError(f"{source}: is larger than 1 MiB; a policy is a few lines, so check that this is one")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            found = f"byte {error.object[error.start]:#04x}"
            raise PolicyError(f"{source}, line {line}: is not UTF-8 text ({found}); save the file as UTF-8") from error
    return _policy(read_yaml(text, source), text)


def policy_from_mapping(document: Mapping[str, Any], source: str = "c.JupyterHubQuota.policy") -> Policy:
    """
    Return the policy that *document* means: the same keys and values as in a file, as Python data.

    Raises:
        PolicyError: with every problem of the document.
    """
    written = read_mapping(document, source)
    text = json.dumps(written.data, ensure_ascii=False, sort_keys=True)
    return _policy(written, _LINE_ENDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def _policy(written: Written, text: str) -> Policy:
    """Return the policy, or raise all that is wrong with it."""
    if not isinstance(written.data, dict) or not (written.data or written.problems):
        found = "is not a mapping of keys to values" if written.data else "is empty"
        raise PolicyError(f"{written.source}: {found}; write for example {EXAMPLE}")
    document, problems, unread = validated(written.data)
    reported = {problem.path for problem in written.problems}
    problems = [*written.problems, *(problem for problem in problems if problem.path not in reported)]
    if document is not None:
        problems.extend(contradictions(document, unread))
    if problems or document is None:
        raise PolicyError(written.messages(problems))
    return policy_of(document, text)
