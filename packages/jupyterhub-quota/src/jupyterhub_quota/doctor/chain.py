"""Judge the way from pods to sessions: kube-state-metrics, Prometheus, its rules. Pure."""

from collections.abc import Iterator

from jupyterhub_quota.amounts import DAY
from jupyterhub_quota.doctor.finding import Finding, Name, counted, examples
from jupyterhub_quota.doctor.series import Facts
from jupyterhub_quota.errors import Unavailable, UnavailableError
from jupyterhub_quota.wording import format_duration, format_window

# One scrape and two evaluations of the rules, as they are shipped, and some more.
STALE_SECONDS = 180.0
# What clocks may differ by; a pod's times have whole seconds.
SKEW_SECONDS = 10.0
# A sample may be older than the window before its block is deleted as a whole.
SPARE_SECONDS = 2.0 * DAY

_REFUSED = {
    Unavailable.UNREACHABLE: "See that it runs, that the address is right and that this machine may connect to it.",
    Unavailable.SLOW: "See in its log whether it is starting or has too much to do, or wait longer with --timeout.",
    Unavailable.DENIED: "Give --ledger-username and --ledger-password-file, or --ledger-token-file, as it asks for.",
    Unavailable.MALFORMED: "Give the address below which Prometheus answers at api/v1/query.",
    Unavailable.PARTIAL: "See which of its stores are away.",
}


def unanswered(error: UnavailableError) -> Finding:
    """Return the finding that Prometheus does not answer."""
    names = {Unavailable.UNREACHABLE: Name.UNREACHABLE, Unavailable.DENIED: Name.DENIED}
    seen = f"{str(error)[0].upper()}{str(error)[1:]}."
    return Finding(names.get(error.reason, Name.NO_ANSWER), seen, _REFUSED.get(error.reason, "See its log."))


def chain(facts: Facts, window: float | None) -> Iterator[Finding]:
    """
    Yield what is wrong, the cause before what follows from it.

    Args:
        facts: what was seen.
        window: the longest window of the policy, in seconds; None without a policy.
    """
    causes = [*_clocks(facts), *_feed(facts), *_rules(facts)]
    yield from causes
    yield from _freshness(facts, explained=any(finding.problem for finding in causes))
    yield from _retention(facts, window)
    yield from _names(facts)


def unseen(facts: Facts) -> Iterator[str]:
    """Yield what could not be looked at."""
    if not facts.targets and facts.recorded:
        yield (
            "whether kube-state-metrics is scraped and shows what it should: this store holds the ledger only; "
            "ask the Prometheus that writes to it as well."
        )
    if not facts.watches_itself:
        yield (
            "whether rules are loaded and fail, and for how long samples are kept: there are no metrics of Prometheus "
            "about itself here."
        )


def fresh(facts: Facts) -> bool:
    """Return whether usage is known up to now."""
    limit = max(STALE_SECONDS, 3 * (facts.rule_seconds or 0.0))
    return facts.heartbeat is not None and facts.at - facts.heartbeat <= limit


def _clocks(facts: Facts) -> Iterator[Finding]:
    if facts.newest is not None and facts.newest > facts.at + SKEW_SECONDS:
        ahead = _ago(facts.newest - facts.at)
        yield Finding(
            Name.CLOCK_SKEW,
            f"The clock of Prometheus is {ahead} ahead of the clock of this machine.",
            "Set both by a time server (NTP): what was used is counted up to the wrong moment.",
        )
    if facts.latest_start is not None and facts.beat is not None and facts.latest_start > facts.beat + SKEW_SECONDS:
        ahead = _ago(facts.latest_start - facts.beat)
        yield Finding(
            Name.CLOCK_SKEW,
            f"A pod started {ahead} after Prometheus saw it: the clock of Kubernetes is ahead of that of Prometheus.",
            "Set the clocks of the cluster's nodes by a time server (NTP): such pods are charged too little.",
        )


def _feed(facts: Facts) -> Iterator[Finding]:
    """What kube-state-metrics shows, and whether Prometheus gets it."""
    if not facts.targets:
        if not facts.recorded and facts.newest is None:
            yield Finding(
                Name.NO_KUBE_STATE_METRICS,
                "Prometheus scrapes no kube-state-metrics, and has recorded nothing of the ledger.",
                "Give it the scrape configuration that the chart ships (its job is called kube-state-metrics), or give "
                "the address of the Prometheus that has it.",
            )
        return
    if facts.down:
        yield Finding(
            Name.KUBE_STATE_METRICS_DOWN,
            f"{facts.down} of {counted(facts.targets, 'kube-state-metrics target')} cannot be scraped.",
            "See that it runs and that Prometheus may connect to it; Prometheus' page of targets says what is wrong.",
            problem=facts.down == facts.targets,
        )
    if facts.down == facts.targets:
        return
    if not facts.pods:
        yield Finding(
            Name.NO_PODS,
            "kube-state-metrics shows no pod in the hub's namespaces, not even the hub's own.",
            "See that its --namespaces, its role (list and watch pods) and the namespaces that the scrape "
            "configuration keeps are those of the hub.",
        )
        return
    shown = f"kube-state-metrics shows {counted(facts.pods, 'pod')}"
    if not facts.annotated or (facts.users and not facts.named):
        what = "no annotations of pods" if not facts.annotated else "no user name of any pod"
        yield Finding(
            Name.NO_USER_NAMES,
            f"{shown}, {counted(facts.users, 'server')} of users among them, and {what}."
            if facts.components
            else f"{shown} and {what}.",
            "Start it with --metric-annotations-allowlist as the chart does: pods=[hub.jupyter.org/username,…]. If it "
            "is, see that the hub's pods carry this annotation, as KubeSpawner writes it.",
        )
    if not facts.components:
        yield Finding(
            Name.NO_COMPONENTS,
            f"{shown} and the label component of none.",
            "Start it with --metric-labels-allowlist as the chart does: pods=[component,…]. "
            "Without, an empty hub cannot be told from one whose user names are missing.",
        )


def _rules(facts: Facts) -> Iterator[Finding]:
    """Whether Prometheus evaluates the rules, and whether they work."""
    if not facts.targets:
        return
    if facts.rules is None and not facts.recorded and (facts.watches_itself or _expected(facts)):
        yield Finding(
            Name.RULES_ABSENT,
            "Prometheus evaluates none of the ledger's rules.",
            "Load the rules that the chart ships (group jupyterhub-quota-ledger); see rule_files in its configuration, "
            "and its log.",
        )
        return
    absent = sorted(f"jupyterhub_quota:{name}" for name in _expected(facts) - facts.recorded)
    seen = [f"{', '.join(absent)} {'is' if len(absent) == 1 else 'are'} not recorded"] if absent else []
    if facts.failures > 0:
        failed = counted(max(1, round(facts.failures)), "evaluation")
        seen.insert(0, f"{failed} of the ledger's rules failed in the last 15 minutes")
    if seen:
        yield Finding(
            Name.RULES_FAILING,
            f"{', and '.join(seen)}.",
            "Load the rules as the chart ships them, all from one version; Prometheus' page of rules and its log say "
            "what is wrong.",
        )
    if facts.missed >= 1:
        yield Finding(
            Name.RULES_FAILING,
            f"Prometheus missed {counted(round(facts.missed), 'evaluation')} of the ledger's rules in the last "
            "15 minutes: they take longer than their interval.",
            "Give it more CPU, or evaluate them less often.",
            problem=False,
        )


def _expected(facts: Facts) -> frozenset[str]:
    """What rules that work record of what is there."""
    expected = set()
    if facts.named or (facts.components and not facts.users):
        expected.add("seen_seconds")
    if facts.named:
        expected.add("pod_user")
    if "pod_start_seconds" in facts.recorded:
        expected |= {"pod_end_seconds", "pod_info"}
    return frozenset(expected)


def _freshness(facts: Facts, *, explained: bool) -> Iterator[Finding]:
    if fresh(facts):
        return
    if facts.beat is None:
        seen = "The ledger has no heartbeat: nothing shows that anybody watches."
    else:
        seen = f"Usage is known only up to {_ago(facts.at - facts.beat)} ago."
    what = "Mend what stands above" if explained else "See whether Prometheus was stopped or its clock is behind"
    yield Finding(
        Name.STALE, seen, f"{what}; until then usage is not known, and the policy's when_unknown decides on launches."
    )


def _retention(facts: Facts, window: float | None) -> Iterator[Finding]:
    if facts.retention and window is not None and facts.retention < window + SPARE_SECONDS:
        yield Finding(
            Name.SHORT_RETENTION,
            f"Prometheus keeps samples for {format_window(facts.retention)}, and the longest window of the policy is "
            f"{format_window(window)}.",
            f"Keep them for at least {format_window(window + SPARE_SECONDS)} (storage.tsdb.retention.time): what is "
            "deleted too early is not counted.",
        )


def _names(facts: Facts) -> Iterator[Finding]:
    if facts.renamed:
        yield Finding(
            Name.TWO_USER_NAMES,
            f"Pods have another user name than when they were first seen{examples(facts.renamed)}.",
            "See who changes the annotation hub.jupyter.org/username of pods that run; they are charged to their first "
            "user.",
        )
    if facts.charged_twice:
        yield Finding(
            Name.TWO_USER_NAMES,
            f"{counted(facts.charged_twice, 'pod')} of the last day {'is' if facts.charged_twice == 1 else 'are'} "
            "charged to two users.",
            "See who changes the annotation hub.jupyter.org/username of pods that run.",
        )


def _ago(seconds: float) -> str:
    return counted(seconds, "second") if seconds < 2 * 60 else format_duration(seconds)
