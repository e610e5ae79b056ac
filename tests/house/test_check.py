"""`.ci/run` tells a machine that cannot host a cluster from tests that fail there. All that it starts are stand-ins."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("setsid"), reason="only Linux can host the cluster")

# What each program of the run does, unless a test says otherwise. All of them write down that they were called.
PROGRAMS = {
    "main/ci/test": "exit 0",
    "main/.cache/chartpress/bin/chartpress": '[ $# -gt 0 ] || echo built > values; [ "$1" != --reset ] || rm -f values',
    "shared/cluster/cluster": """case $1 in
  status) exit 1 ;;
  up) echo going up ;;
  env) echo "export KUBECONFIG=k LOAD_IMAGES=load" ;;
esac""",
    "bin/id": "echo 0",
    "bin/df": "echo Avail; echo 100",
    "bin/awk": "echo 100",
    "bin/git": "cat values 2>/dev/null; true",
    "bin/load": "exit 0",
}


class Check:
    """A run in a folder of its own."""

    def __init__(self, folder, root):
        self.folder = folder
        for path, body in PROGRAMS.items():
            self.program(path, body)
        (folder / "main/.ci").mkdir()
        shutil.copy(root / ".ci/run", folder / "main/.ci/run")

    def program(self, path, body):
        """Let a program do something else."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'#!/bin/bash\necho "{file.name} $*" >> {self.folder}/calls\n{body}\n')
        file.chmod(0o755)

    def run(self, **variables):
        """Run it: the exit code, what it printed, and what it started in which order."""
        done = subprocess.run(
            [self.folder / "main/.ci/run"],
            env={"PATH": f"{self.folder}/bin:{os.defpath}", "HOME": str(self.folder), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        calls = (self.folder / "calls").read_text().splitlines()
        return (
            done.returncode,
            done.stdout,
            [call for call in calls if call.startswith(("test", "cluster", "chartpress"))],
        )


@pytest.fixture
def check(tmp_path, root):
    return Check(tmp_path, root)


def with_cluster(outcome):
    """Return what `ci/test` does where the stage on the cluster ends with *outcome*, and all others pass."""
    return f'[ "$1" != e2e ] || exit {outcome}'


def test_all_stages_then_those_on_the_cluster(check):
    """Which is gone afterwards, and the tree as it was."""
    code, said, calls = check.run()

    assert 0 == code, said
    assert ["chartpress ", "chartpress --list-images", "test e2e"] == calls[calls.index("chartpress ") :][:3]
    assert ["chartpress --reset", "cluster down"] == calls[-2:]
    assert {"test ", "cluster up --images"} < set(calls)


def test_a_test_that_fails_on_the_cluster(check):
    """Is a failure, and the rest is done all the same."""
    check.program("main/ci/test", with_cluster(1))
    code, _, calls = check.run()

    assert 1 == code
    assert ["chartpress --reset", "cluster down"] == calls[-2:]


def test_another_stage_that_fails(check):
    """Those on the cluster run all the same."""
    check.program("main/ci/test", '[ "$1" = e2e ]')
    code, _, calls = check.run()

    assert 1 == code
    assert "test e2e" in calls


class TestLeftOut:
    """With the reason, and what the other stages said counts."""

    def test_a_cluster_that_does_not_come_up(self, check):
        """It is tried twice: beside the other stages it may have been too slow. Its last words are shown."""
        check.program("shared/cluster/cluster", '[ "$1" != up ] || echo "no right to mount"; exit 1')
        code, said, calls = check.run()

        assert 0 == code
        assert "no right to mount" in said
        assert "LEFT OUT  the stage e2e, the tests on a cluster: the cluster did not come up on this machine" in said
        assert 2 == calls.count("cluster up --images")
        assert "test e2e" not in calls
        assert "cluster down" == calls[-1]

    def test_a_cluster_that_takes_too_long(self, check):
        """It is ended, with all that it started."""
        check.program(
            "shared/cluster/cluster",
            f'[ "$1" != up ] || {{ sleep 300 & echo $! > {check.folder}/pid; wait; }}; [ "$1" = down ]',
        )
        code, said, calls = check.run(CLUSTER_SECONDS="1")

        assert 0 == code
        assert "LEFT OUT  the stage e2e" in said
        assert 1 == calls.count("cluster up --images")
        assert ended(int((check.folder / "pid").read_text()))

    def test_too_little_time_is_left(self, check):
        """Who runs the check would end it in the middle."""
        code, said, calls = check.run(CHECK_SECONDS="1")

        assert 0 == code
        assert "too little time is left for them" in said
        assert "test e2e" not in calls
        assert "cluster down" == calls[-1]

    def test_and_another_stage_fails(self, check):
        """What is left out hides nothing."""
        check.program("shared/cluster/cluster", "exit 1")
        check.program("main/ci/test", "exit 1")

        assert 1 == check.run()[0]

    @pytest.mark.parametrize(
        ("program", "body", "reason"),
        [
            ("bin/id", "echo 1000", "../shared/cluster needs root."),
            ("bin/df", "echo Avail; echo 3", "they need 20 GB of disk."),
            ("bin/awk", "echo 2", "they need 6 GB of memory."),
        ],
    )
    def test_a_machine_without_the_means(self, check, program, body, reason):
        """Nothing is begun that would take away what the other stages need."""
        check.program(program, body)
        code, said, calls = check.run()

        assert 0 == code
        assert f"LEFT OUT  the stage e2e, the tests on a cluster: {reason}" in said
        assert "cluster up --images" not in calls
        assert "test " in calls

    def test_no_cluster_program(self, check):
        """As on most machines."""
        shutil.rmtree(check.folder / "shared")
        code, said, calls = check.run()

        assert (0, ["test "]) == (code, calls)
        assert "there is no ../shared/cluster, and KUBECONFIG and LOAD_IMAGES name no cluster." in said


class TestFailsOnACluster:
    """That came up: then it is ours, and red."""

    @pytest.mark.parametrize(
        ("program", "sentence"),
        [
            ("main/.cache/chartpress/bin/chartpress", "FAILED   our images could not be built"),
            ("bin/load", "FAILED   our images could not be copied into the cluster"),
        ],
    )
    def test_our_images(self, check, program, sentence):
        """With the state of the disks, which is often why."""
        check.program(program, "exit 1")
        code, said, calls = check.run()

        assert 1 == code
        assert sentence in said
        assert "Disks:" in said
        assert "cluster down" == calls[-1]

    def test_a_run_that_changes_files(self, check):
        """What chartpress writes into the chart's values must go again."""
        check.program("main/.cache/chartpress/bin/chartpress", "echo built > values")
        code, said, _ = check.run()

        assert 1 == code
        assert "FAILED   the run changed files:" in said


def test_a_cluster_that_was_there_stays(check):
    """It is somebody's."""
    check.program("shared/cluster/cluster", '[ "$1" != env ] || echo "export KUBECONFIG=k LOAD_IMAGES=load"')
    code, said, calls = check.run()

    assert 0 == code, said
    assert "cluster down" not in calls


def test_a_cluster_that_is_named(check):
    """Is used as it is."""
    assert (0, ["test "]) == check.run(KUBECONFIG="k", LOAD_IMAGES="load")[::2]


def ended(process):
    """Whether a process ends; one that nobody has asked for its exit code since has ended, too."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if "Z" == state:
            return True
        time.sleep(0.1)
    return False
