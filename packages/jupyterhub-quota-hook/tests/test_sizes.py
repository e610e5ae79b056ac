"""The size that counts is the one that will run, and all that the user holds counts beside it."""

import asyncio

import pytest
from traitlets import Any, Int

from jupyterhub_quota_hook.request import quantity, request_of

from .conftest import GIB, SizedSpawner

NVIDIA = ("nvidia.com/gpu", "gpu.intel.com/*")


class KubeLike(SizedSpawner):
    """With what KubeSpawner has besides."""

    extra_containers = Any()
    loaded = Int()

    async def load_user_options(self):
        """Count how often the choice is applied."""
        await super().load_user_options()
        self.loaded += 1


class TestRequest:
    @pytest.mark.parametrize(
        ("traits", "expected"),
        [
            ({}, (0, 0, 0)),
            ({"mem_guarantee": "4G"}, (4 * GIB, 0, 0)),
            ({"mem_limit": "8G"}, (8 * GIB, 0, 0)),
            ({"mem_guarantee": "4G", "mem_limit": "8G"}, (4 * GIB, 0, 0)),
            ({"mem_guarantee": 0, "mem_limit": "8G"}, (0, 0, 0)),
            ({"cpu_limit": 2.0}, (0, 2, 0)),
            ({"cpu_guarantee": 0.1, "cpu_limit": 2.0}, (0, 0.1, 0)),
            ({"extra_resource_limits": {"nvidia.com/gpu": "1"}}, (0, 0, 1)),
            ({"extra_resource_limits": {"nvidia.com/gpu": 2}}, (0, 0, 2)),
            ({"extra_resource_guarantees": {"nvidia.com/gpu": "1"}}, (0, 0, 1)),
            ({"extra_resource_limits": {"gpu.intel.com/i915": "1", "example.org/fpga": "4"}}, (0, 0, 1)),
            ({"extra_containers": [{"resources": {"requests": {"memory": "1Gi", "cpu": "500m"}}}]}, (GIB, 0.5, 0)),
            ({"extra_containers": {"b": {"resources": {"limits": {"nvidia.com/gpu": 1}}}, "a": {}}}, (0, 0, 1)),
        ],
    )
    def test_is_what_kubernetes_reserves(self, traits, expected):
        """The guarantee, else the limit, of every regular container."""
        request = request_of(KubeLike(**traits), NVIDIA)

        assert expected == (request.memory, request.cpu, request.gpu)

    @pytest.mark.parametrize(
        ("text", "number"),
        [("1", 1), (1, 1), ("500m", 0.5), ("4Gi", 4 * GIB), ("1e3", 1000), ("2k", 2000), (".5", 0.5)],
    )
    def test_quantities_are_read_as_kubernetes_does(self, text, number):
        """Plain, with an exponent, with a suffix."""
        assert number == pytest.approx(quantity(text))

    @pytest.mark.parametrize("text", ["many", "", "-1", True, None, float("nan"), float("inf"), "1Gb", "1e999"])
    def test_what_is_no_quantity_is_refused(self, text):
        """By name."""
        with pytest.raises((ValueError, OverflowError)):
            quantity(text)


class TestProfiles:
    async def test_the_chosen_size_counts(self, hub):
        """400 GiB chosen, where the default is none: refused, although it is applied after the hook."""
        ann = await hub.person("ann", "regular")

        await ann.start(memory=400)

        assert "This server reserves 400 GiB" in (await ann.progress())[-1]["message"]

    async def test_a_gpu_given_as_text_counts(self, hub):
        """As in `extra_resource_limits: {"nvidia.com/gpu": "1"}`."""
        ann = await hub.person("ann", "regular")

        await ann.start(memory=4, gpu="1")

        assert "Your GPU quota is 0, so this server cannot start" in (await ann.progress())[-1]["message"]

    async def test_the_choice_is_applied_once(self, start_hub):
        """An override that appends must not append twice."""
        hub = await start_hub(lambda c: setattr(c.JupyterHub, "spawner_class", KubeLike))
        ann = await hub.person("ann", "regular")

        await ann.start(memory=4)
        await ann.progress()

        (user,) = [user for user in hub.app.users.values() if user.name == "ann"]
        assert 1 == user.spawners[""].loaded


class TestBesides:
    """What the user holds meanwhile."""

    async def test_two_servers_that_start_at_once_both_count(self, start_hub, used):
        """Each alone would fit."""
        hub = await start_hub(lambda c: setattr(c.SizedSpawner, "delay", 0.5))
        await used("ann", 50)
        ann = await hub.person("ann", "regular")

        await asyncio.gather(ann.start("one", memory=40), ann.start("two", memory=40))
        ends = [(await ann.progress(name))[-1] for name in ("one", "two")]

        assert [False, True] == sorted(end.get("ready", False) for end in ends)
        assert "Your other servers hold what is left" in str(ends)

    async def test_a_server_that_ended_does_not_count(self, hub, used):
        """Stopped, so the next one starts."""
        await used("ann", 50)
        ann = await hub.person("ann", "regular")
        await ann.start("one", memory=40)
        await ann.progress("one")

        await ann.stop("one")
        await ann.start("two", memory=40)

        assert (await ann.progress("two"))[-1]["ready"]

    async def test_after_a_restart_the_ledger_knows_the_sizes(self, start_hub, used):
        """
        A server of 40 GiB runs on while the hub restarts.

        Its spawner is made anew with the default size, but the ledger knows what it holds.
        """
        hub = await start_hub()
        await used("ann", 50)
        ann = await hub.person("ann", "regular")
        await ann.start("one", memory=40)
        await ann.progress("one")
        await asyncio.sleep(1.5)  # the recorder looks twice a second

        await hub.stop(keep_servers=True)
        hub = await start_hub()
        ann = await hub.person("ann", "regular")
        await ann.start("two", memory=40)

        assert "Your other servers hold what is left" in (await ann.progress("two"))[-1]["message"]
        assert {"one"} == set(await ann.servers())
