"""Usage quotas for JupyterHub: policy and sessions in, decisions out."""

from jupyterhub_quota.answers import decision_json, report_json
from jupyterhub_quota.decision import Decision, Outcome, Reason, Refill, Status
from jupyterhub_quota.document import load_policy, parse_policy, policy_from_mapping, policy_schema, policy_warnings
from jupyterhub_quota.engine import QuotaEngine, Report
from jupyterhub_quota.errors import (
    InputError,
    LedgerError,
    PolicyError,
    QuotaError,
    Unavailable,
    UnavailableError,
)
from jupyterhub_quota.event import DECISION_SCHEMA, decision_event
from jupyterhub_quota.explanation import explain
from jupyterhub_quota.hub import HubClient
from jupyterhub_quota.ledger import (
    Access,
    CachedLedger,
    Ledger,
    PrometheusLedger,
    Reading,
    SqliteLedger,
    open_ledger,
)
from jupyterhub_quota.policy import AtLaunch, Offer, Policy, Quota, WhenUnknown, WhileRunning
from jupyterhub_quota.session import Request, Resource, Session, Subject

__all__ = [
    "DECISION_SCHEMA",
    "Access",
    "AtLaunch",
    "CachedLedger",
    "Decision",
    "HubClient",
    "InputError",
    "Ledger",
    "LedgerError",
    "Offer",
    "Outcome",
    "Policy",
    "PolicyError",
    "PrometheusLedger",
    "Quota",
    "QuotaEngine",
    "QuotaError",
    "Reading",
    "Reason",
    "Refill",
    "Report",
    "Request",
    "Resource",
    "Session",
    "SqliteLedger",
    "Status",
    "Subject",
    "Unavailable",
    "UnavailableError",
    "WhenUnknown",
    "WhileRunning",
    "decision_event",
    "decision_json",
    "explain",
    "load_policy",
    "open_ledger",
    "parse_policy",
    "policy_from_mapping",
    "policy_schema",
    "policy_warnings",
    "report_json",
]
