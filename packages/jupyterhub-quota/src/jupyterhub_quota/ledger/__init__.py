"""Records of sessions."""

from jupyterhub_quota.ledger.protocol import Ledger, Reading
from jupyterhub_quota.ledger.sqlite import SqliteLedger
from jupyterhub_quota.ledger.url import open_ledger

__all__ = ["Ledger", "Reading", "SqliteLedger", "open_ledger"]
