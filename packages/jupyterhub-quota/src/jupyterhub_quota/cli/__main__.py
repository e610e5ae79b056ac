"""Lets `python -m jupyterhub_quota.cli` be the command."""

import sys

from jupyterhub_quota.cli.program import main

sys.exit(main())
