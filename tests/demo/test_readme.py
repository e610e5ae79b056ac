"""What the README shows works."""

import re
from pathlib import Path

import pytest
import yaml

from jupyterhub_quota import parse_policy, policy_warnings

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    """Return the code in *language*."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_policies_are_some():
    """The engine takes them, without a warning: that of the chart's values, and that of a file."""
    values, file = blocks("yaml")

    for text in (yaml.safe_dump(yaml.safe_load(values)["policy"]), file):
        assert [] == list(policy_warnings(parse_policy(text)))


def test_the_policy_of_the_demo_is_one():
    """The one that newcomers edit."""
    parse_policy((ROOT / "ci" / "demo_hub" / "policy.yaml").read_text(encoding="utf-8"))


def test_the_configuration_is_python():
    """It compiles, and ends with the call that wraps the rest."""
    (code,) = blocks("python")

    compile(code, "jupyterhub_config.py", "exec")
    assert code.rstrip().endswith("setup(c)")


@pytest.mark.parametrize(
    "path", re.findall(r"(?<=[ \n])(?:\./)?((?:ci|packages)/[\w-]+)", "\n".join(["", *blocks("shell")]))
)
def test_what_the_commands_name_is_there(path):
    """Scripts and packages of the tree."""
    assert (ROOT / path).exists()
