"""What happens to servers that run while a quota is used up: warned in time, stopped, or held back."""

from jupyterhub_quota.running.answers import notice_json, plan_json
from jupyterhub_quota.running.event import RUNNING_SCHEMA, Action, running_event
from jupyterhub_quota.running.explanation import explain_running
from jupyterhub_quota.running.memory import USED_UP, Memory, Spell, only_relevant
from jupyterhub_quota.running.notice import Notice
from jupyterhub_quota.running.plan import Doubt, HeldBack, Plan
from jupyterhub_quota.running.round import doubtful, look
from jupyterhub_quota.running.sentences import advice_sentence, notice_sentence, server_text, stopped_sentence
from jupyterhub_quota.running.server import Key, RunningServer, session_of

__all__ = [
    "RUNNING_SCHEMA",
    "USED_UP",
    "Action",
    "Doubt",
    "HeldBack",
    "Key",
    "Memory",
    "Notice",
    "Plan",
    "RunningServer",
    "Spell",
    "advice_sentence",
    "doubtful",
    "explain_running",
    "look",
    "notice_json",
    "notice_sentence",
    "only_relevant",
    "plan_json",
    "running_event",
    "server_text",
    "session_of",
    "stopped_sentence",
]
