"""Judge what is recorded, in whatever ledger: how far back, who reserves nothing, what nobody asks for. Pure."""

from collections.abc import Collection, Iterator, Mapping

from jupyterhub_quota.doctor.finding import Finding, Name, counted, examples
from jupyterhub_quota.policy import Policy
from jupyterhub_quota.sentences import WORDS, moment
from jupyterhub_quota.session import Resource
from jupyterhub_quota.wording import format_window

# A history may begin so much later than the window and nobody minds.
NEAR_SECONDS = 3600.0

Unreserved = Mapping[Resource, tuple[int, tuple[str, ...]]]


def history(complete_since: float | None, at: float, policy: Policy) -> Iterator[Finding]:
    """Yield that the record is younger than the longest window."""
    if complete_since is not None and complete_since > at - policy.longest_window + NEAR_SECONDS:
        since = moment(complete_since, at, policy.timezone)
        full = moment(complete_since + policy.longest_window, at, policy.timezone)
        yield Finding(
            Name.SHORT_HISTORY,
            f"The record begins {since}, and the longest window of the policy is "
            f"{format_window(policy.longest_window)}: what was used before is not counted.",
            f"If the hub is older than that, restore what was lost. Otherwise this is over {full}.",
            problem=False,
        )


def reservations(
    alive: int, nothing: tuple[int, tuple[str, ...]], without: Unreserved, policy: Policy | None
) -> Iterator[Finding]:
    """
    Yield who is charged nothing because nothing was reserved.

    Args:
        alive: how many servers there are.
        nothing: how many of them reserve neither memory nor CPU, and some of their users.
        without: the same for each of the two.
        policy: with it, only what it limits matters.
    """
    set_them = "Let servers reserve it: for KubeSpawner set mem_guarantee and cpu_guarantee, also in profiles."
    if policy is None:
        number, users = nothing
        if number:
            yield Finding(
                Name.NO_REQUESTS,
                f"{_reserve(number, alive)} neither memory nor CPU{examples(users)}: their use is not charged.",
                set_them.replace("it:", "both:"),
            )
        return
    for resource, (number, users) in without.items():
        if number and policy.limits(resource):
            word = WORDS[resource]
            yield Finding(
                Name.NO_REQUESTS,
                f"{_reserve(number, alive)} no {word}, which the policy limits{examples(users)}: "
                "what they use of it is not charged.",
                set_them,
            )


def demand(asked: Collection[Resource], policy: Policy, others: Collection[str] | None = None) -> Iterator[Finding]:
    """
    Yield the limited resources that nobody asked for lately.

    Args:
        asked: what was asked for.
        policy: what is limited.
        others: names of resources that pods asked for and that count as none of ours; None where there are no pods.
    """
    for resource in Resource:
        # Where nobody may have any, nobody asks.
        wanted = any(quota.resource is resource and quota.limit > 0 for quota in policy.quotas())
        if asked and wanted and resource not in asked:
            word = WORDS[resource]
            also = f"; some asked for {', '.join(sorted(others))}" if others and resource is Resource.GPU else ""
            yield Finding(
                Name.NEVER_ASKED_FOR,
                f"The policy limits {word}, and no server asked for any in the last 7 days{also}.",
                _how_to_ask(resource, pods=others is not None),
                problem=False,
            )


def _reserve(number: int, alive: int) -> str:
    return f"{number} of {counted(alive, 'server')} reserve{'s' if number == 1 else ''}"


def _how_to_ask(resource: Resource, *, pods: bool) -> str:
    if resource is not Resource.GPU:
        key = "mem_guarantee" if resource is Resource.MEMORY else "cpu_guarantee"
        return f"See that servers reserve {WORDS[resource]}: {key} of KubeSpawner."
    if pods:
        return "If there are GPUs, name their resource with --gpu-resource, and for the hub as well."
    return "If there are none, the limit does nothing; if there are, see that the hub knows which server reserves one."
