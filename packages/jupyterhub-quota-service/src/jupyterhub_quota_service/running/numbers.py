"""What is counted of warnings and stops, for Prometheus. Labels are small fixed sets, never a name."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from jupyterhub_quota import HeldBack, WhileRunning


class Numbers:
    """The counters and gauges of one process's rounds."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry(auto_describe=True)
        self.warnings = Counter(
            "jupyterhub_quota_warnings", "Warnings of the end of a running server.", registry=registry
        )
        self.stops = Counter(
            "jupyterhub_quota_stops",
            "Servers that were stopped, by the resource whose quota was used up.",
            ["reason"],
            registry=registry,
        )
        self.failures = Counter(
            "jupyterhub_quota_stop_failures",
            "Stops that failed; 'still-running' is a server that runs on although the hub said that it stops.",
            ["reason"],
            registry=registry,
        )
        self.held_back = Gauge(
            "jupyterhub_quota_stops_held_back",
            "Servers whose time is up and that were not stopped in the last round.",
            ["reason"],
            registry=registry,
        )
        self.mode = Gauge(
            "jupyterhub_quota_while_running",
            "1 for what the policy says of running servers.",
            ["mode"],
            registry=registry,
        )
        self.brake = Gauge("jupyterhub_quota_brake", "1 while the brake waits for an admin.", registry=registry)
        self.unmatched = Gauge(
            "jupyterhub_quota_running_unmatched",
            "Servers of the last good round that have no session on record that is certainly theirs.",
            registry=registry,
        )
        self.rounds = Counter(
            "jupyterhub_quota_rounds",
            "Rounds, by why nobody was judged; 'none' is a good one.",
            ["doubt"],
            registry=registry,
        )
        self.last_good = Gauge(
            "jupyterhub_quota_last_good_round_seconds",
            "When running servers were last judged on good data, in seconds since the epoch; 0 before the first time.",
            registry=registry,
        )
        self.duration = Gauge(
            "jupyterhub_quota_round_duration_seconds", "How long the last round took.", registry=registry
        )
        for reason in HeldBack:
            self.held_back.labels(reason.value)
        for mode in WhileRunning:
            self.mode.labels(mode.value)

    def says(self, mode: WhileRunning) -> None:
        """Show what the policy says."""
        for each in WhileRunning:
            self.mode.labels(each.value).set(each is mode)

    def holds_back(self, reasons: list[HeldBack]) -> None:
        """Show how many servers are held back, and why."""
        for each in HeldBack:
            self.held_back.labels(each.value).set(reasons.count(each))
