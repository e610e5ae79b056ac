"""From the policy in force to the answer that admins see. Pure."""

import time

from jupyterhub_quota import Policy, format_duration
from jupyterhub_quota_service import words
from jupyterhub_quota_service.models_admin import PolicyGroup, PolicyInForce, Rule
from jupyterhub_quota_service.policies import Effective
from jupyterhub_quota_service.view_admin import given, quota_text


def policy_in_force(found: Effective) -> PolicyInForce:
    """Return the policy as it is in force, and what is wrong with a newer file."""
    policy = found.policy
    exempt = [f"user {name}" for name in sorted(policy.exempt_users)]
    exempt += [f"group {name}" for name in sorted(policy.exempt_groups)]
    return PolicyInForce(
        digest=policy.digest,
        in_force_since=found.since,
        in_force_text=f"since {words.when(found.since, time.time(), policy.timezone)}",
        valid=not found.problems,
        problems=found.problems,
        warnings=found.warnings,
        groups=tuple(
            PolicyGroup(name=name, lines=tuple(quota_text(quota) for quota in given(policy, name)))
            for name in (*sorted(policy.groups), None)
        ),
        exempt=tuple(exempt),
        rules=_rules(policy),
        text=policy.text,
    )


def _rules(policy: Policy) -> tuple[Rule, ...]:
    rules = {
        "at_launch": policy.at_launch.value,
        "while_running": policy.while_running.value,
        "when_unknown": policy.when_unknown.value,
        "tolerate": format_duration(policy.tolerate),
        "minimum_runtime": format_duration(policy.minimum_runtime),
        "session": format_duration(policy.session),
        "warn_before": ", ".join(format_duration(each) for each in policy.warn_before),
        "grace": format_duration(policy.grace),
        "brake": words.percent(policy.brake),
        "timezone": policy.timezone.key,
        "contact": policy.contact,
    }
    return tuple(Rule(name=name, text=text) for name, text in rules.items() if text)
