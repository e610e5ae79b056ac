"""
What the recording rules charge, in GiB-minutes, for scripts of several hours.

A pod that is shown from minute 10 and gone at minute 250 was last seen at minute 249: it is charged 239 minutes.
"""

import random

from promtool_time import GIB, Script, charged

GPU = "nvidia_com_gpu"


class TestWhatIsCharged:
    """From the moment a pod has its node until it was last seen, or was done."""

    def test_a_plain_session(self):
        """Scenario A: from its node to its last sighting."""
        script = Script(300)
        script.pod(10).gone(250)

        script.must_give(charged("ann"), 4 * 239)

    def test_nobody_is_charged_for_a_name_that_begins_alike(self):
        """Scenario C: `al` and `alice` are two people."""
        script = Script(100)
        script.pod(10, user="al", containers=({"memory": GIB},)).gone(70)
        script.pod(10, user="alice").gone(70)

        script.must_give(charged("al"), 59)

    def test_waiting_for_a_node_costs_nothing(self):
        """Scenario D: an hour without a node, then one with it."""
        script = Script(200)
        script.pod(10, scheduled=None).then(70, scheduled=70).gone(130)

        script.must_give(charged("ann"), 4 * 59)

    def test_a_pod_that_waits_for_a_node_has_no_session(self):
        """Not even one of no length."""
        script = Script(60)
        script.pod(10, scheduled=None)

        script.must_give('{__name__=~"jupyterhub_quota:pod_(start|end)_seconds|jupyterhub_quota:pod_request"}', None)

    def test_a_completed_pod_that_lingers_ends_when_it_was_done(self):
        """Scenario E: done after an hour and a bit, its object stays for five more."""
        script = Script(400)
        script.pod(10).then(71, done="Succeeded", completed=70.5).gone(370)

        script.must_give(charged("ann"), 4 * 60.5)

    def test_a_failed_pod_ends_as_well(self):
        """What counts is that nothing runs any more."""
        script = Script(200)
        script.pod(10).then(71, done="Failed", completed=70.5)

        script.must_give(charged("ann"), 4 * 60.5)

    def test_a_failed_pod_that_does_not_say_when_ends_at_its_last_sighting(self):
        """Evicted pods have no container that tells; that it was to be deleted by minute 120 does not prolong it."""
        script = Script(300)
        script.pod(10).then(70, deleted=120).then(71, done="Failed").gone(250)

        script.must_give(charged("ann"), 4 * 60)

    def test_a_container_that_restarts_is_no_end(self):
        """A finish time while the pod is not done belongs to a container that comes back."""
        script = Script(200)
        script.pod(10).then(40, completed=39).then(50, completed=None).gone(130)

        script.must_give(charged("ann"), 4 * 119)

    def test_containers_are_added_up(self):
        """Scenario F: 1 and 2 GiB beside each other, after an init container of 1 GiB."""
        script = Script(100)
        script.pod(10, containers=({"memory": GIB}, {"memory": 2 * GIB}), init=({"memory": GIB},)).gone(70)

        script.must_give(charged("ann"), 3 * 59)

    def test_the_largest_init_container_counts_if_it_is_more(self):
        """Scenario F: the node keeps 4 GiB for the whole life of the pod."""
        script = Script(100)
        script.pod(
            10, containers=({"memory": GIB}, {"memory": 2 * GIB}), init=({"memory": 4 * GIB}, {"memory": GIB})
        ).gone(70)

        script.must_give(charged("ann"), 4 * 59)

    def test_sidecars_are_added_to_the_containers(self):
        """An init container that restarts always runs beside them."""
        script = Script(100)
        script.pod(10, sidecars=({"memory": GIB},), init=({"memory": 2 * GIB},)).gone(70)

        script.must_give(charged("ann"), 5 * 59)

    def test_two_pods_of_one_name_are_two_sessions(self):
        """Scenario G: the same name in turn, each with a uid of its own."""
        script = Script(200)
        script.pod(10, name="jupyter-ann").gone(70)
        script.pod(80, name="jupyter-ann").gone(140)

        script.must_give(charged("ann"), 4 * (59 + 59))
        script.must_give('count(count_over_time(jupyterhub_quota:pod_start_seconds{username="ann"}[48h]))', 2)

    def test_every_extended_resource_is_charged_and_nothing_else(self):
        """Which of them is a GPU is chosen on reading; disk and huge pages are not recorded."""
        asked = {"memory": GIB, "cpu": 0.5, GPU: 1, "amd_com_gpu": 2, "gpu_intel_com_i915": 3}
        script = Script(100)
        script.pod(10, containers=(asked | {"ephemeral_storage": GIB, "hugepages_2Mi": GIB},)).gone(70)

        for resource, amount in asked.items():
            script.must_give(charged("ann", resource), 59 * (1 if resource == "memory" else amount))
        script.must_give("count(count by (resource) (count_over_time(jupyterhub_quota:pod_request[48h])))", 5)

    def test_a_dask_worker_counts_like_a_server(self):
        """Whatever carries the user name is charged, and its component tells the two apart."""
        script = Script(100)
        script.pod(10).gone(70)
        script.pod(20, component="dask-worker", application="dask-gateway", containers=({"memory": 2 * GIB},)).gone(50)

        script.must_give(charged("ann"), 4 * 59 + 2 * 29)
        component = 'count by (application) (last_over_time(jupyterhub_quota:pod_info{component="dask-worker"}[48h]))'
        script.must_give(component, {'{application="dask-gateway"}': 1})

    def test_a_user_who_is_renamed(self):
        """What was used under the old name stays there; the next pod carries the new one."""
        script = Script(200)
        script.pod(10).gone(70)
        script.pod(80, user="anna").gone(110)

        script.must_give(charged("ann"), 4 * 59)
        script.must_give(charged("anna"), 4 * 29)


class TestFaults:
    """Starts and ends are absolute: what was not scraped is not lost."""

    def test_two_kube_state_metrics_charge_once(self):
        """Scenario B: a second one beside the first for 15 minutes."""
        script = Script(300)
        script.pod(10, targets=("ksm-1", "ksm-2")).gone(250)
        script.miss({*range(100), *range(115, 301)}, "ksm-2")

        script.must_give(charged("ann"), 4 * 239)

    def test_an_outage_is_charged_to_who_outlives_it(self):
        """Scenario H: two hours without a scrape inside a session of five."""
        script = Script(400)
        script.pod(10).gone(310)
        script.miss(range(100, 220))

        script.must_give(charged("ann"), 4 * 299)

    def test_who_ends_in_an_outage_is_charged_to_the_last_sighting(self):
        """Never to more than what was seen."""
        script = Script(400)
        script.pod(10).gone(150)
        script.miss(range(100, 220))

        script.must_give(charged("ann"), 4 * 89)

    def test_who_comes_and_completes_in_an_outage_is_charged_once_it_is_over(self):
        """The object lingers and says from when to when."""
        script = Script(600)
        script.pod(110).then(171, done="Succeeded", completed=170.5)
        script.miss(range(100, 220))

        script.must_give(charged("ann"), 4 * 60.5)

    def test_every_fifth_scrape_fails(self):
        """Scenario I: four hours with holes."""
        script = Script(300)
        script.pod(10).gone(250)
        script.miss(range(0, 300, 5))

        script.must_give(charged("ann"), 4 * 239)

    def test_two_names_for_one_pod_stop_nothing(self):
        """Scenario J: one of the two is charged, and the rules go on for everybody."""
        script = Script(100)
        pod = script.pod(10, targets=("ksm-1",)).gone(70)
        script.pod(10, targets=("ksm-2",), user="bob").gone(70).uid = pod.uid
        script.pod(10, user="cid").gone(70)

        script.must_give(f"({charged('ann')} or vector(0)) + ({charged('bob')} or vector(0))", 4 * 59)
        script.must_give(charged("cid"), 4 * 59)

    def test_a_dead_node_ends_the_session_at_the_deletion_time(self):
        """The object of its pod stays, as if running, for days."""
        script = Script(600)
        script.pod(10).then(70, deleted=75)

        script.must_give(charged("ann"), 4 * 65)

    def test_a_pod_that_goes_before_its_deletion_time_ends_when_it_goes(self):
        """The deletion time is a bound, no end: half an hour of grace that nobody needed is not charged."""
        script = Script(200)
        script.pod(10).then(70, deleted=100).gone(72)

        script.must_give(charged("ann"), 4 * 61)

    def test_a_random_day_of_the_worst_user(self):
        """Twenty sessions in 24 hours with every fault at once: exactly what the last sightings allow."""
        chance = random.Random(4)  # noqa: S311 - the same day every time
        script = Script(24 * 60)
        script.miss(chance.sample(range(24 * 60), 200))
        script.miss(range(600, 700))
        script.miss({*range(300), *range(360, 1441)}, "ksm-2")
        due = 0.0
        for _ in range(20):
            start, length, memory = chance.randrange(1300), chance.randrange(2, 400), chance.choice((1, 2, 8)) * GIB
            gone = min(start + length, 1441)
            pod = script.pod(start, containers=({"memory": memory},), targets=("ksm-1", "ksm-2"))
            seen = [m for m in range(start, gone) if m not in script.missed["ksm-1"] or m not in script.missed["ksm-2"]]
            fault = chance.choice(("gone", "completed", "dead node"))
            if fault == "completed" and gone < 1400:
                pod.then(gone, done="Succeeded", completed=gone - 0.25)
                due += memory * (gone - 0.25 - start)
            elif fault == "dead node" and gone < 1400:
                pod.then(gone - 1, deleted=gone)
                due += memory * (gone - start)
            else:
                pod.gone(gone)
                due += memory * (seen[-1] - start) if seen else 0

        script.must_give(charged("ann"), due / GIB)
