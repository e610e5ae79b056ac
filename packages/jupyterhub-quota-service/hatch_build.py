"""No archive without the built page: in the tree it is built first, in an archive of the sources it is there."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MANIFEST = Path("src", "jupyterhub_quota_service", "static", "manifest.json")
# Of the tree; an archive of the sources has none, and needs none.
SCRIPT = Path("..", "..", "ci", "page")


class PageHook(BuildHookInterface):
    """See to it that the page is there before files are collected."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """
        Build the page where it can be built, and end where it is missing.

        An editable install is left alone: who works on the page builds it as it changes.
        """
        if version == "editable":
            return
        root = Path(self.root)
        if (root / SCRIPT).is_file() and subprocess.call([sys.executable, str(root / SCRIPT)]) != 0:  # noqa: S603 - ours
            raise SystemExit("The usage page could not be built; ci/page says why.")
        if not (root / MANIFEST).is_file():
            raise SystemExit(f"{MANIFEST} is missing: the usage page was not built. Run ci/page in the tree first.")
