"""Decisions for later: each is emitted once through the hub's own event log."""

from typing import Any

from jupyterhub_quota import DECISION_SCHEMA, Decision, Policy, decision_event


def emit(spawner: Any, decision: Decision, policy: Policy) -> None:
    """Emit *decision*. A log that cannot be written stops no launch."""
    try:
        eventlog = spawner.user.settings["eventlog"]
        schema = DECISION_SCHEMA["$id"]
        if schema not in eventlog.schemas:
            eventlog.register_event_schema(DECISION_SCHEMA)
        eventlog.emit(schema_id=schema, data=decision_event(decision, policy))
    except Exception:
        spawner.log.exception("The decision %s could not be written to the event log", decision.reference)
