"""What changes while a pod lives changes nothing of what was charged."""

import pytest

from promtool_time import GIB, Script, charged

NOBODY = {"annotations": False, "labels": False, "user": None}


class TestLabels:
    """An allow-list that grows on an upgrade changes the labels of every running pod."""

    @pytest.mark.parametrize(
        "change",
        [
            {"profile": "large"},
            {"groups": '["power"]'},
            {"server": "gpu"},
            {"component": None},
            {"component": "dask-worker", "application": "dask-gateway"},
            {"labels": False},
            {"user": "bob"},
            {"user": None},
            {"annotations": False},
        ],
        ids=str,
    )
    def test_the_charge_stays(self, change: dict[str, object]):
        """Four hours at 4 GiB, whatever is shown of the pod from the middle on, and nobody else pays."""
        script = Script(300)
        script.hub()
        script.pod(10).then(130, **change).gone(250)

        script.must_give(charged("ann"), 4 * 239)
        script.must_give("count(count by (username) (count_over_time(jupyterhub_quota:pod_start_seconds[48h])))", 1)

    def test_an_allow_list_that_is_lost_and_found_again(self):
        """Half an hour without annotations and labels is charged like the rest."""
        script = Script(300)
        script.hub()
        script.pod(10).then(100, **NOBODY).then(130, annotations=True, labels=True, user="ann").gone(250)

        script.must_give(charged("ann"), 4 * 239)

    def test_the_latest_row_of_the_info_series_is_known(self):
        """Its value is when it was last shown, in steps of five minutes."""
        script = Script(300)
        script.pod(10).then(130, profile="large").gone(250)

        latest = "topk by (uid) (1, max_over_time(jupyterhub_quota:pod_info[48h]))"
        script.must_give(f"sum by (profile) ({latest})", {'{profile="large"}': 245 * 60})

    def test_info_without_labels_is_still_there(self):
        """A kube-state-metrics without the second allow-list costs the component, not the row."""
        script = Script(60)
        script.pod(10, labels=False)

        script.must_give(
            "jupyterhub_quota:pod_info * 0", {'{namespace="hub",pod="pod-uid-1",uid="uid-1",username="ann"}': 0}
        )

    def test_info_makes_no_session(self):
        """A pod that waits has a row, and no start, end or request."""
        script = Script(60)
        script.pod(10, scheduled=None)

        script.must_give("count(jupyterhub_quota:pod_info)", 1)
        script.must_give(charged("ann"), None)


class TestResize:
    """A request that changes while the pod runs."""

    def test_the_mean_is_charged(self):
        """An hour at 4 GiB and an hour at 8 GiB, as the average over the samples says."""
        script = Script(200)
        script.pod(10).then(70, containers=({"memory": 8 * GIB},)).gone(130)

        script.must_give(charged("ann"), (4 * 60 + 8 * 60) / 120 * 119)

    def test_the_change_is_marked(self):
        """One sample, at the change, with what was requested before."""
        script = Script(200)
        script.pod(10).then(70, containers=({"memory": 8 * GIB},)).gone(130)
        marks = "count_over_time(jupyterhub_quota:pod_request_before[48h])"
        labels = '{namespace="hub",uid="uid-1",username="ann",resource="memory"}'

        script.must_give(marks, {labels: 1})
        script.must_give("jupyterhub_quota:pod_request_before * 1", {labels: 4 * GIB}, minute=70)

    def test_a_resource_that_comes_later_is_marked(self):
        """With nothing: so much was requested of it before."""
        script = Script(200)
        script.pod(10).then(70, containers=({"memory": 4 * GIB, "cpu": 2},)).gone(130)
        labels = '{namespace="hub",uid="uid-1",username="ann",resource="cpu"}'

        script.must_give("count_over_time(jupyterhub_quota:pod_request_before[48h])", {labels: 1})
        script.must_give("jupyterhub_quota:pod_request_before + 1", {labels: 1}, minute=70)

    def test_a_change_that_nobody_saw_is_marked_when_somebody_looks_again(self):
        """Prometheus was away for five hours."""
        script = Script(500)
        script.pod(10).then(200, containers=({"memory": 8 * GIB},)).gone(450)
        script.miss(range(70, 370))
        labels = '{namespace="hub",uid="uid-1",username="ann",resource="memory"}'

        script.must_give("jupyterhub_quota:pod_request_before * 1", {labels: 4 * GIB}, minute=370)

    def test_a_pod_that_keeps_its_request_has_no_mark(self):
        """Neither at its start nor after scrapes that failed."""
        script = Script(200)
        script.pod(10).gone(130)
        script.miss(range(40, 60))

        script.must_give("count_over_time(jupyterhub_quota:pod_request_before[48h])", None)

    def test_a_completed_pod_that_lingers_does_not_move_the_mean(self):
        """Of five hours as a completed pod no more than one sample an hour is recorded."""
        script = Script(400)
        script.pod(10).then(70, containers=({"memory": 8 * GIB},)).then(130, done="Succeeded", completed=130)

        script.must_give(f"abs({charged('ann')} - {6 * 120}) < bool 10", 1)
