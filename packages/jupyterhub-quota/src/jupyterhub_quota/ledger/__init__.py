"""Records of sessions."""

from jupyterhub_quota.ledger.api import Access
from jupyterhub_quota.ledger.cached import CachedLedger
from jupyterhub_quota.ledger.prometheus import GPU_RESOURCES, PrometheusLedger
from jupyterhub_quota.ledger.protocol import Ledger, Reading, SelectiveLedger
from jupyterhub_quota.ledger.sqlite import SqliteLedger
from jupyterhub_quota.ledger.url import open_ledger

__all__ = [
    "GPU_RESOURCES",
    "Access",
    "CachedLedger",
    "Ledger",
    "PrometheusLedger",
    "Reading",
    "SelectiveLedger",
    "SqliteLedger",
    "open_ledger",
]
