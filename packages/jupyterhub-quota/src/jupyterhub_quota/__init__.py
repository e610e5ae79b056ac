"""Usage quotas for JupyterHub: policy and sessions in, decisions out."""

from jupyterhub_quota.amounts import GIB, HOUR
from jupyterhub_quota.answers import decision_json, report_json
from jupyterhub_quota.decide import decide, statuses_of
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
from jupyterhub_quota.explanation import explain, request_text
from jupyterhub_quota.history import DayOfReturn, DayOfUse, days_of_return, days_of_use
from jupyterhub_quota.hub import HubClient
from jupyterhub_quota.hub_answers import Stopped
from jupyterhub_quota.ledger import (
    GPU_RESOURCES,
    Access,
    CachedLedger,
    Ledger,
    PrometheusLedger,
    Reading,
    SelectiveLedger,
    SqliteLedger,
    open_ledger,
)
from jupyterhub_quota.outlook import Outlook, Standing, standing
from jupyterhub_quota.policy import AtLaunch, Offer, Policy, Quota, WhenUnknown, WhileRunning, render
from jupyterhub_quota.running import (
    RUNNING_SCHEMA,
    Action,
    Doubt,
    HeldBack,
    Memory,
    Notice,
    Plan,
    RunningServer,
    advice_sentence,
    doubtful,
    explain_running,
    look,
    notice_sentence,
    only_relevant,
    plan_json,
    running_event,
    stopped_sentence,
)
from jupyterhub_quota.sentences import MONTHS, WORDS, decision_sentence, moment, status_sentence, what_follows
from jupyterhub_quota.session import Request, Resource, Session, Subject
from jupyterhub_quota.spreadsheet import safe_cell
from jupyterhub_quota.usage import Decay, used
from jupyterhub_quota.wording import format_amount, format_duration, format_size, format_used, format_window

__all__ = [
    "DECISION_SCHEMA",
    "GIB",
    "GPU_RESOURCES",
    "HOUR",
    "MONTHS",
    "RUNNING_SCHEMA",
    "WORDS",
    "Access",
    "Action",
    "AtLaunch",
    "CachedLedger",
    "DayOfReturn",
    "DayOfUse",
    "Decay",
    "Decision",
    "Doubt",
    "HeldBack",
    "HubClient",
    "InputError",
    "Ledger",
    "LedgerError",
    "Memory",
    "Notice",
    "Offer",
    "Outcome",
    "Outlook",
    "Plan",
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
    "RunningServer",
    "SelectiveLedger",
    "Session",
    "SqliteLedger",
    "Standing",
    "Status",
    "Stopped",
    "Subject",
    "Unavailable",
    "UnavailableError",
    "WhenUnknown",
    "WhileRunning",
    "advice_sentence",
    "days_of_return",
    "days_of_use",
    "decide",
    "decision_event",
    "decision_json",
    "decision_sentence",
    "doubtful",
    "explain",
    "explain_running",
    "format_amount",
    "format_duration",
    "format_size",
    "format_used",
    "format_window",
    "load_policy",
    "look",
    "moment",
    "notice_sentence",
    "only_relevant",
    "open_ledger",
    "parse_policy",
    "plan_json",
    "policy_from_mapping",
    "policy_schema",
    "policy_warnings",
    "render",
    "report_json",
    "request_text",
    "running_event",
    "safe_cell",
    "standing",
    "status_sentence",
    "statuses_of",
    "stopped_sentence",
    "used",
    "what_follows",
]
