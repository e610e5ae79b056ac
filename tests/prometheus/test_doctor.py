"""
What `jupyterhub-quota doctor` finds wrong with the real programs: each finding is brought about.

One scripted cluster is broken in one way after the other; what was found each time is looked at afterwards.
"""

import asyncio
import contextlib
import io
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_quota import Access, Policy, parse_policy
from jupyterhub_quota.cli import main
from jupyterhub_quota.doctor import Diagnosis, Finding, Name, examine_prometheus
from jupyterhub_quota.ledger.api import PrometheusApi
from jupyterhub_quota.ledger.prometheus import GPU_RESOURCES
from programs import program
from testbed import GIB, Bed, Process, free_port, victoria_metrics

POLICY = "default: {memory: 20 GiB-hours, gpu: 4 GPU-hours}\n"
WAIT_SECONDS = 20


def examine(
    url: str, policy: str = "", *, ahead: float = 0, access: Access | None = None, timeout: float = 5
) -> Diagnosis:
    """Return what the doctor finds, of a machine whose clock is *ahead* by so many seconds."""

    async def ask() -> Diagnosis:
        api = PrometheusApi(url, access or Access(), timeout)
        parsed: Policy | None = parse_policy(policy) if policy else None
        try:
            return await examine_prometheus(api, parsed, time.time() + ahead, gpu_resources=GPU_RESOURCES)
        finally:
            await api.close()

    return asyncio.run(ask())


def until(url: str, found: Callable[[Diagnosis], bool], policy: str = "") -> Diagnosis:
    """Examine again and again until *found*, or for long enough; return the last diagnosis."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not found(diagnosis := examine(url, policy)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return diagnosis


def names(diagnosis: Diagnosis, *, problems: bool = True) -> list[Name]:
    return [finding.name for finding in diagnosis.findings if finding.problem is problems]


def one(diagnosis: Diagnosis, name: Name) -> Finding:
    (finding,) = [finding for finding in diagnosis.findings if finding.name is name]
    return finding


def has(name: Name) -> Callable[[Diagnosis], bool]:
    return lambda diagnosis: name in [finding.name for finding in diagnosis.findings]


def said(*command: str) -> tuple[int, str]:
    """Return the exit code and the output of a command."""
    with contextlib.redirect_stdout(io.StringIO()) as output:
        code = main(command)
    return code, output.getvalue()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A cluster that is well, and then is broken more and more."""
    folder = tmp_path_factory.mktemp("doctor")
    (folder / "policy.yaml").write_text(POLICY)
    victoria, elsewhere = victoria_metrics(folder)
    victoria.start().wait_until_ready()
    found: dict[str, Any] = {}
    told = found["told"] = {}
    try:
        with Bed(folder, remote_write=f"{elsewhere}/api/v1/write") as bed:
            url = bed.url
            bed.second_kube_state_metrics.start().wait_until_ready()
            bed.start_pod("ann", memory=GIB, cpu=1)
            bed.settle()
            found["well"] = until(url, lambda diagnosis: not names(diagnosis) and not diagnosis.notes, POLICY)
            ledger = ("--ledger", url, "--namespace", "hub")
            ask = (*ledger, "--policy", str(folder / "policy.yaml"))
            told["check"] = said("check", *ask, "--user", "ann", "--memory", "1GiB")
            told["status"] = said("status", *ask, "--user", "ann")
            told["everybody"] = said("status", *ask, "--everybody", "--json")
            told["export"] = said("sessions", "export", *ledger)
            found["long window"] = examine(url, POLICY + "window: 61d\n")
            found["clock behind"] = examine(url, ahead=-600)
            found["clock ahead"] = examine(url, ahead=600)
            found["elsewhere"] = until(elsewhere, lambda diagnosis: not names(diagnosis), POLICY)
            bed.second_kube_state_metrics.stop()
            found["one of two down"] = until(url, has(Name.KUBE_STATE_METRICS_DOWN))

            bare, gaudi = bed.start_pod("bob", cpu=1), bed.start_pod("eve", containers=({"habana.ai/gaudi": 1},))
            early = bed.start_pod("cid", memory=GIB, scheduled=int(time.time()) + 600)
            bed.settle()
            found["pods"] = examine(url, POLICY)
            found["pods without a policy"] = examine(url)
            bed.annotate(bare, {"hub.jupyter.org/username": "somebody else"})
            found["renamed"] = until(url, has(Name.TWO_USER_NAMES))
            for pod in (bare, gaudi, early):
                bed.delete(pod)

            break_rules(bed, found)
            bed.kube_state_metrics.kill()
            found["down"] = until(url, lambda diagnosis: "2 of 2" in str(diagnosis.findings))
            bed.prometheus.pause()
            found["silent"] = examine(url, timeout=0.5)
            bed.prometheus.resume()
            bed.prometheus.kill()
            found["away"] = examine(url)
    finally:
        victoria.stop()
    return found


def break_rules(bed: Bed, found: dict[str, Any]) -> None:
    """Let a rule fail, then leave one out, then all."""
    rules = bed.folder / "rules" / "ledger.yaml"
    shipped = rules.read_text()
    rules.write_text(f"{shipped}\n      - record: fails\n        expr: up + on () group_right () up\n")
    reload(bed)
    found["failing rules"] = until(bed.url, has(Name.RULES_FAILING))
    rules.write_text(shipped.replace("record: jupyterhub_quota:pod_info", "record: renamed"))
    reload(bed)
    found["other rules"] = until(bed.url, lambda diagnosis: "pod_info" in str(diagnosis.findings))
    rules.unlink()
    reload(bed)
    found["no rules"] = until(bed.url, has(Name.RULES_ABSENT))


def reload(bed: Bed) -> None:
    """Let Prometheus read its configuration again."""
    assert bed.prometheus.running
    os.kill(bed.prometheus.running.pid, signal.SIGHUP)


class TestAHubThatIsWell:
    def test_has_no_problem(self, story: dict[str, Any]):
        """A young record is only worth a warning, like a resource that nobody asked for."""
        well = story["well"]

        assert (True, []) == (well.healthy, names(well))
        assert [Name.SHORT_HISTORY, Name.NEVER_ASKED_FOR] == names(well, problems=False)
        assert () == well.notes

    def test_history_says_since_when(self, story: dict[str, Any]):
        finding = one(story["well"], Name.SHORT_HISTORY)

        assert "the longest window of the policy is 30 days: what was used before is not counted." in finding.seen
        assert "this is over on" in finding.advice

    def test_a_store_that_holds_the_ledger_only(self, story: dict[str, Any]):
        """VictoriaMetrics knows nothing of kube-state-metrics and of rules, which is said, not found."""
        found = story["elsewhere"]

        assert [] == names(found)
        assert found.as_of is not None
        feed, itself = found.notes
        assert "this store holds the ledger only" in feed
        assert "there are no metrics of Prometheus about itself here" in itself


class TestTheOtherCommands:
    """They answer from Prometheus as from a file."""

    @pytest.mark.parametrize("command", ["check", "status", "everybody", "export"])
    def test_answer_from_prometheus(self, story: dict[str, Any], command: str):
        code, answer = story["told"][command]

        assert 0 == code
        expected = {
            "check": "This server reserves 1 GiB and can run for about",
            "status": "Running: the default server with 1 GiB of memory and 1 core",
            "everybody": '"user": "ann"',
            "export": '"user": "ann"',
        }
        assert expected[command] in answer

    def test_everything_is_exported_where_no_time_is_given(self, story: dict[str, Any]):
        """Since the record began."""
        (line,) = story["told"]["export"][1].splitlines()

        assert (GIB, None) == (json.loads(line)["request"]["memory"], json.loads(line)["end"])


class TestWhatFeedsPrometheus:
    def test_kube_state_metrics_is_down(self, story: dict[str, Any]):
        """All of them is a problem; of two, which may be replaced at the moment, a warning."""
        assert one(story["down"], Name.KUBE_STATE_METRICS_DOWN).problem
        found = one(story["one of two down"], Name.KUBE_STATE_METRICS_DOWN)
        assert ("1 of 2 kube-state-metrics targets cannot be scraped.", False) == (found.seen, found.problem)

    def test_the_clocks_differ(self, story: dict[str, Any]):
        """The future is where no sample can be."""
        found = one(story["clock behind"], Name.CLOCK_SKEW)

        assert found.seen.startswith("The clock of Prometheus is ")
        assert found.seen.endswith("minutes ahead of the clock of this machine.")

    def test_nothing_was_scraped_for_long(self, story: dict[str, Any]):
        """Or Prometheus' clock is behind: the two look alike, and both are said."""
        finding = one(story["clock ahead"], Name.STALE)

        assert [Name.STALE] == names(story["clock ahead"])
        assert "Usage is known only up to 10 minutes ago." == finding.seen
        assert "whether Prometheus was stopped or its clock is behind" in finding.advice


class TestRules:
    def test_are_absent(self, story: dict[str, Any]):
        assert Name.RULES_ABSENT in names(story["no rules"])

    def test_fail(self, story: dict[str, Any]):
        assert (
            "of the ledger's rules failed in the last 15 minutes"
            in one(story["failing rules"], Name.RULES_FAILING).seen
        )

    def test_are_of_another_version(self, story: dict[str, Any]):
        """A series that should be recorded is not."""
        assert "jupyterhub_quota:pod_info is not recorded" in one(story["other rules"], Name.RULES_FAILING).seen

    def test_samples_are_deleted_too_early(self, story: dict[str, Any]):
        """Blocks go as a whole, so two days more than the window are needed."""
        finding = one(story["long window"], Name.SHORT_RETENTION)

        assert "Prometheus keeps samples for 62 days, and the longest window of the policy is 61 days." == finding.seen
        assert "for at least 63 days" in finding.advice


class TestPods:
    def test_without_requests(self, story: dict[str, Any]):
        """Of what the policy limits; without one, of everything."""
        limited = one(story["pods"], Name.NO_REQUESTS)
        at_all = one(story["pods without a policy"], Name.NO_REQUESTS)

        assert "2 of 4 servers reserve no memory, which the policy limits ('bob', 'eve')" in limited.seen
        assert "1 of 4 servers reserves neither memory nor CPU ('eve')" in at_all.seen

    def test_ask_for_a_device_that_counts_as_none(self, story: dict[str, Any]):
        """Its name is what --gpu-resource needs."""
        found = one(story["pods"], Name.NEVER_ASKED_FOR)

        assert found.seen.endswith("no server asked for any in the last 7 days; some asked for habana_ai_gaudi.")

    def test_of_two_users(self, story: dict[str, Any]):
        assert one(story["renamed"], Name.TWO_USER_NAMES).problem

    def test_that_start_in_the_future(self, story: dict[str, Any]):
        assert "the clock of Kubernetes is ahead of that of Prometheus" in one(story["pods"], Name.CLOCK_SKEW).seen


class TestPrometheusItself:
    def test_is_away(self, story: dict[str, Any]):
        assert [Name.UNREACHABLE] == names(story["away"])
        assert None is story["away"].as_of

    def test_does_not_answer(self, story: dict[str, Any]):
        (finding,) = story["silent"].findings

        assert (Name.NO_ANSWER, "Prometheus did not answer within 0.5 s.") == (finding.name, finding.seen)


def test_allow_lists_are_missing(tmp_path: Path):
    """Pods, and no user names; then no pods at all."""
    without = ("--metric-annotations-allowlist", "--metric-labels-allowlist")
    with Bed(tmp_path, without=without) as bed:
        bed.start_pod("ann", memory=GIB)
        blind = until(bed.url, has(Name.NO_USER_NAMES))
        for pod in list(bed.api.pods.values()):
            bed.delete(pod)
        empty = until(bed.url, has(Name.NO_PODS))

    assert [Name.NO_USER_NAMES, Name.NO_COMPONENTS, Name.STALE] == names(blind)
    assert "no annotations of pods" in one(blind, Name.NO_USER_NAMES).seen
    assert "Mend what stands above" in one(blind, Name.STALE).advice
    assert [Name.NO_PODS, Name.STALE] == names(empty)


RULES = """
groups:
  - name: made-up
    interval: 1s
    rules:
      - {record: "jupyterhub_quota:pod_start_seconds", expr: vector(1), labels: {namespace: hub, uid: a, username: ann}}
      - {record: "jupyterhub_quota:pod_start_seconds", expr: vector(1), labels: {namespace: hub, uid: a, username: bob}}
"""


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[tuple[Process, str]]:
    """A Prometheus that scrapes nothing, evaluates what is in `rules.yaml` and asks for a password."""
    (tmp_path / "prometheus.yaml").write_text("rule_files: [rules.yaml]\n")
    secret = "$2b$04$Dx/rWmA3rP4o.wnpHWaNSuot3JH0OqkcNG810iw3J4ANo7cr2fTRe"  # "quota", by bcrypt
    (tmp_path / "web.yaml").write_text(f"basic_auth_users: {{hub: '{secret}'}}\n")
    (tmp_path / "password").write_text("quota\n")
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(program("prometheus")),
        f"--config.file={tmp_path / 'prometheus.yaml'}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.config.file={tmp_path / 'web.yaml'}",
        f"--web.listen-address={address}",
    ]
    process = Process("prometheus", command, f"http://{address}/-/ready", tmp_path / "prometheus.log").start()
    try:
        yield process, f"http://{address}"
    finally:
        process.stop()


def test_a_prometheus_that_has_nothing_to_do_with_us(
    bare: tuple[Process, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """It refuses who has no credential; it has nothing of the ledger; it charges a pod to two users."""
    process, url = bare
    assert process.running

    def doctor(*options: str) -> dict[str, str]:
        capsys.readouterr()
        code = main(["doctor", "--ledger", url, "--json", *options])
        found = json.loads(capsys.readouterr().out)
        assert (code == 0) is found["healthy"]
        return {finding["finding"]: finding["seen"] for finding in found["findings"]}

    def ask(expected: str, *options: str) -> dict[str, str]:
        deadline = time.monotonic() + WAIT_SECONDS
        while expected not in (found := doctor(*options)) and time.monotonic() < deadline:
            time.sleep(0.2)
        return found

    password = ("--ledger-username", "hub", "--ledger-password-file", str(tmp_path / "password"))
    assert {"denied": "Prometheus refused the credential."} == ask("denied")
    nothing = ask("no-kube-state-metrics", *password)
    (tmp_path / "rules.yaml").write_text(RULES)
    os.kill(process.running.pid, signal.SIGHUP)
    twice = ask("two-user-names", *password)

    assert ["no-kube-state-metrics", "stale"] == list(nothing)
    assert "1 pod of the last day is charged to two users." == twice["two-user-names"]
