"""A server that runs when its user's quota is used up: warned in time, stopped after the grace, and told why."""

import json

import pytest

from bed.person import me
from bed.record import charged_in_the_end
from bed.texts import lasting
from bed.waiting import until

GIB = 2**30
GRACE = 30


@pytest.fixture(scope="module")
def sam(sams_server):
    """What was seen of sam's server, from its start to its end."""
    return sams_server.result()


def test_launch_says_what_follows(sam):
    """Before the server starts."""
    assert (
        "You have used 0 of 1.02 GiB-minutes of memory in the last 24 hours. This server reserves 512 MiB and can "
        "run for about 2 minutes, then it is stopped."
    ) == lasting(sam.launch)


def test_warned_while_it_runs(sam):
    """On the page: when it ends, and what to do."""
    assert sam.warning["stops"]
    assert sam.warning["sentence"].startswith("With what runs now, your memory quota (1.02 GiB-minutes in 24 hours)")
    assert "Save your work. Stop what you do not need. Ask for more at help@example.org." == sam.warning["advice"]


def test_stopped_after_the_grace(sam, deployment):
    """Warned first, then stopped; not before the quota was used up and the grace was over."""
    deeds = [one for one in events(deployment) if "sam" == one["user"]]
    (stopped,) = [one for one in deeds if "stopped" == one["action"]]

    assert {"warned", "stopped"} == {one["action"] for one in deeds}
    assert "stopped" == deeds[-1]["action"]
    assert stopped["at"] >= stopped["used_up"] + GRACE


def test_charged_for_what_it_held(sam, deployment):
    """Up to its end: more than its quota, by the grace."""
    charged = charged_in_the_end(deployment, "sam", "brief") / (GIB / 2)

    assert sam.alive - 20 <= charged <= sam.gone + 2
    assert charged > 122


@pytest.mark.usefixtures("sam")
class TestSamReadsWhy:
    """Where he looks next."""

    def test_next_launch(self, hub):
        """The refusal says how the last server ended."""

        def why():
            last = lasting(hub.start("sam", "half")[-1])
            return "Your last server ended" in last and last

        said = until(why, "the refusal to say why the last server ended", every=5)
        assert said.startswith("Spawn failed: You have used all of your memory quota (1.02 GiB-minutes in 24 hours)")
        assert ": servers are stopped when the quota is used up, as it was " in said

    def test_page(self, hub):
        """What was stopped, and why."""
        with hub.browser("sam") as browser:
            known = me(browser)

        (stopped,) = known["stopped"]
        assert [] == known["notices"]
        assert stopped["sentence"].startswith("Your default server was stopped ")
        assert ": your memory quota (1.02 GiB-minutes in 24 hours) had been used up since " in stopped["sentence"]


def events(deployment):
    """Return the events that the usage page wrote, the oldest first."""
    log = deployment.namespace.kubectl("logs", "deployment/jupyterhub-quota-service")
    told = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [one for one in told if "action" in one]
