"""The heartbeat: whether, and up to when, the ledger is known."""

from promtool_time import Script

SEEN = "jupyterhub_quota:seen_seconds"
HUB = '{__name__="jupyterhub_quota:seen_seconds",namespace="hub"}'


class TestWatching:
    """An empty ledger means that nobody used anything only while it is watching."""

    def test_a_fresh_hub_is_watched(self):
        """Nobody ever started a server, and that is known up to the last scrape."""
        script = Script(60)
        script.hub()

        script.must_give(SEEN, {HUB: 3600})

    def test_a_hub_with_users_is_watched(self):
        """Somebody's name is shown."""
        script = Script(60)
        script.pod(10)

        script.must_give(SEEN, {HUB: 3600})

    def test_a_user_who_waits_for_a_node_is_no_reason_for_doubt(self):
        """The name is shown before the pod has a node."""
        script = Script(60)
        script.hub()
        script.pod(10, scheduled=None)

        script.must_give(SEEN, {HUB: 3600})

    def test_it_stops_with_the_scrapes(self):
        """The last value stays readable, and says how old it is."""
        script = Script(60)
        script.hub()
        script.miss(range(41, 61))

        script.must_give(SEEN, None)
        script.must_give("last_over_time(jupyterhub_quota:seen_seconds[1h])", {HUB: 2400})

    def test_a_second_kube_state_metrics_that_fails_is_no_reason_for_doubt(self):
        """What the first shows is enough."""
        script = Script(60)
        script.hub()
        script.pod(10, targets=("ksm-1", "ksm-2"))
        script.miss(range(30, 61), "ksm-2")

        script.must_give(SEEN, {HUB: 3600})

    def test_all_is_known_up_to_the_oldest_of_several(self):
        """Two that share the pods: everybody alive has an end that is not before the heartbeat."""
        script = Script(60)
        script.hub()
        script.pod(10, targets=("ksm-2",))
        script.pod(10, user="bob")
        alive = "jupyterhub_quota:pod_end_seconds >= on (namespace) group_left () jupyterhub_quota:seen_seconds"

        script.must_give(f"count({alive})", 2)

    def test_a_session_that_ended_is_not_alive(self):
        """Its end is before the heartbeat."""
        script = Script(60)
        script.hub()
        script.pod(10).gone(40)
        end = "max_over_time(jupyterhub_quota:pod_end_seconds[1h])"

        script.must_give(f"count({end} < on (namespace) group_left () jupyterhub_quota:seen_seconds)", 1)

    def test_each_namespace_has_its_own(self):
        """So that a Prometheus that several hubs share can tell which of them it watches."""
        script = Script(60)
        script.hub()
        script.pod(10, namespace="other", user="bob")

        script.must_give(f"count by (namespace) ({SEEN})", {'{namespace="hub"}': 1, '{namespace="other"}': 1})


class TestWiredWrongly:
    """Without the allow-lists nobody has used anything, as far as one can see."""

    def test_user_pods_and_no_user_name(self):
        """The list of annotations lacks the user name."""
        script = Script(60)
        script.hub()
        script.pod(10, user=None)

        script.must_give(SEEN, {HUB: 540}, minute=9)
        script.must_give(SEEN, None)

    def test_no_allow_list_at_all(self):
        """Then not even a fresh hub is known: a user pod could not be told from others."""
        script = Script(60)
        script.pod(0, annotations=False, labels=False)

        script.must_give(SEEN, None)

    def test_no_labels_and_nobody_there(self):
        """The first user pod without a name would not be noticed."""
        script = Script(60)
        script.pod(0, user=None, labels=False)

        script.must_give(SEEN, None)

    def test_one_of_two_hubs(self):
        """Each is shown by a kube-state-metrics of its own; the other hub is known."""
        script = Script(60)
        script.pod(10, targets=("ksm-1",), user=None)
        script.pod(10, targets=("ksm-2",), namespace="other", user="bob")

        script.must_give(f"{SEEN}{{namespace='hub'}}", None)
        script.must_give(f"{SEEN}{{namespace='other'}} * 1", {'{namespace="other"}': 3600})
