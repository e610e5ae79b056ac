"""The admin's own words, where the policy has them: what the hub says at a launch, on the page too. Pure."""

from dataclasses import replace

from jupyterhub_quota import Decision, Outcome, Policy, decision_sentence, render


def of_launch(decision: Decision, policy: Policy) -> str:
    """Return what the hub would say to a launch; empty where the policy has no words for it."""
    messages = policy.messages
    own = {Outcome.ALLOWED: messages.allowed, Outcome.REFUSED: messages.refused, Outcome.WARNED: messages.warned}
    if own[decision.outcome] is None:
        return ""
    # Nobody has launched anything, so there is no decision on record to refer to.
    return decision_sentence(replace(decision, reference=""), policy).removesuffix(" (reference )")


def of_unknown(sentence: str, policy: Policy, user: str, groups: frozenset[str] | None) -> str:
    """Return *sentence*, which says that usage is not known, in the admin's own words."""
    if policy.messages.unknown is None:
        return sentence
    named = ", ".join(sorted(groups or ()))
    return render(policy.messages.unknown, sentence=sentence, user=user, groups=named, contact=policy.contact)
