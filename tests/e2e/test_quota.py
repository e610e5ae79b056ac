"""Quotas on a real cluster: from the pod that a user holds to the sentence that they read."""

import pytest

from bed.cluster import CommandError
from bed.person import me
from bed.record import charged_in_the_end, memory_used
from bed.texts import lasting
from bed.waiting import until

FOUND = "A machine has been found for your server."
PRESENT = "Your environment is already on the machine."
STARTING = "Your server is starting."
RUNNING = "Your server is running. You are being connected to it."
STARTED = [FOUND, PRESENT, STARTING, RUNNING]
MIB = 2**20


class TestAllowed:
    """A user in `regular` starts a server of 512 MiB, and their use shows."""

    def test_says_what_is_left(self, hub):
        """In the progress log, before anything of Kubernetes."""
        hub.add("ann", "regular")

        assert [
            "Server requested",
            (
                "You have used 0 of 60 GiB-hours of memory in the last 24 hours. This server reserves 512 MiB and can "
                "run for as long as you like."
            ),
            *STARTED,
            "Server ready at /user/ann/",
        ] == [lasting(line) for line in hub.start("ann", "half")]

    def test_page_shows_the_use(self, hub):
        """Kubernetes, kube-state-metrics, Prometheus, the page, which reads what is new once a minute."""
        with hub.browser("ann") as browser:

            def shown():
                known = me(browser)
                return known["running"] and [one for one in known["quotas"] if one["used"] > 0] and known

            known = until(shown, "ann's use", every=5)

        assert ["memory", "regular"] in [[one["resource"], one["group"]] for one in known["quotas"] if one["used"] > 0]
        assert ["512 MiB of memory"] == [one["size_text"].split(" and ")[0] for one in known["running"]]

        hub.stop("ann")


@pytest.fixture(scope="module")
def tim(hub, deployment):
    """Tim has used a part of his quota, and every part of the system knows. Returns what he read at his start."""
    hub.add("tim", "small")
    said = [lasting(line) for line in hub.start("tim", "half")]
    # For more than a minute: for so long the hub may decide by what it has read. As much again may pass until it ends.
    until(lambda: 32 * 2**30 < memory_used(deployment, "tim", "small"), "tim to use a third of his quota", every=1)
    hub.stop("tim")
    charged_in_the_end(deployment, "tim", "small")
    return said


@pytest.mark.usefixtures("tim")
class TestUsedUp:
    """`small` allows a server of 512 MiB for three minutes, and for less than two it does not start."""

    def test_first_start(self, tim):
        """With what was left before it, and what follows."""
        assert (
            "You have used … of 1.5 GiB-minutes of memory in the last 24 hours. This server reserves 512 MiB and can "
            "run for about 3 minutes, then it is stopped."
        ) == tim[1]

    def test_refused_with_the_time_of_the_next(self, hub):
        """The same server again."""
        assert [
            "Server requested",
            (
                "Spawn failed: You have used … of 1.5 GiB-minutes of memory in the last 24 hours: too little is left "
                "for this server, which reserves 512 MiB. One of up to … MiB can start now. This server can start "
                "again on … UTC for about 2 minutes. Your quota comes from the group small. Just been given more? Sign "
                "out and in again. Ask for more at help@example.org. (reference …)"
            ),
        ] == [lasting(line) for line in hub.start("tim", "half")]

    def test_nothing_was_made(self, hub, namespace):
        """A refusal comes before the pod."""
        hub.start("tim", "half")

        assert [] == namespace.pods("hub.jupyter.org/username=tim")

    def test_page_and_command_line_agree(self, hub, deployment):
        """The same use, to the second, once the page has read what is new; that is every minute."""
        with hub.browser("tim") as browser:

            def agree():
                shown = me(browser)["quotas"][0]["used"]
                return pytest.approx(shown) == memory_used(deployment, "tim", "small")

            assert until(agree, "the page to agree", every=5)

    def test_page_and_refusal_agree(self, hub):
        """From when the same server can start again, once both have read what is new."""
        with hub.browser("tim") as browser:

            def agree():
                refused = hub.start("tim", "half")[-1]
                again = refused.split("This server can start ")[1].split(" for about")[0]
                sizes = {one["request"]["memory"]: one["text"] for one in me(browser)["sizes"]}
                return f"not now: too little is left of your memory quota; {again}" == sizes[512 * MIB]

            assert until(agree, "hub and page to agree", every=5)

    def test_a_smaller_one_starts(self, hub):
        """What is left is enough for 64 MiB."""
        assert "Server ready at /user/tim/" == hub.start("tim", "normal")[-1]

        hub.stop("tim")


class TestPolicy:
    """The policy is a value of the chart."""

    def test_change_counts_without_a_restart(self, hub, deployment, namespace):
        """`helm upgrade`, and the hub reads the new one."""
        hub.add("eve", "nothing")
        before = [pod["metadata"]["uid"] for pod in namespace.pods("component=hub")]
        assert "Server ready at /user/eve/" == hub.start("eve", "normal")[-1]
        hub.stop("eve")

        deployment.quota({"policy": {"groups": {"nothing": {"memory": 0}}}})
        deployment.hurry()

        def refused():
            last = hub.start("eve", "normal")[-1]
            hub.stop("eve")
            return "Spawn failed" in last and lasting(last)

        assert (
            "Spawn failed: Your memory quota is 0, so this server cannot start: it reserves 64 MiB. Your quota comes "
            "from the group nothing. Just been given more? Sign out and in again. Ask for more at help@example.org. "
            "(reference …)"
        ) == until(refused, "the new policy to count", every=5)
        assert before == [pod["metadata"]["uid"] for pod in namespace.pods("component=hub")]

    def test_broken_one_stops_the_upgrade(self, deployment, namespace):
        """With the policy's own words; what is in force stays."""
        before = namespace.get("configmap", "jupyterhub-quota-policy")["data"]

        with pytest.raises(CommandError) as refused:
            deployment.quota({"policy": {"groups": {"regular": {"memory": "60 GB"}}}})

        assert "groups.regular.memory" in str(refused.value)
        assert "'60 GiB-hours'" in str(refused.value)
        assert before == namespace.get("configmap", "jupyterhub-quota-policy")["data"]
