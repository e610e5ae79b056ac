"""Says in plain words what happens while a JupyterHub server starts, and ends hopeless starts early."""

from .config import SpawnProgress
from .failure import Verdict, hopeless
from .messages import add_message
from .rules import FailureRule, Kind, Phase, Rule, RulesError, Table, default_table
from .translate import Message, translate
from .wrapping import setup, with_progress

__all__ = [
    "FailureRule",
    "Kind",
    "Message",
    "Phase",
    "Rule",
    "RulesError",
    "SpawnProgress",
    "Table",
    "Verdict",
    "add_message",
    "default_table",
    "hopeless",
    "setup",
    "translate",
    "with_progress",
]
