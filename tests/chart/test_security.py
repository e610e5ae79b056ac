"""Least privilege, computed from what is rendered."""

import pytest
import yaml

from rendering import VALUES_FILES, of_kind, pods, rendered

FILES = {path.stem: yaml.safe_load(path.read_text()) for path in VALUES_FILES}
SAFE_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}


@pytest.fixture(params=FILES, ids=str)
def objects(request):
    """What each values file makes."""
    return rendered(FILES[request.param])


class TestPods:
    """The Pod Security Standard `restricted`, and more."""

    def test_restricted(self, objects):
        """Every rule of it, for every pod."""
        for name, pod in pods(objects):
            spec, told = pod["spec"], name
            assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec), told
            assert spec["securityContext"]["runAsNonRoot"] is True, told
            assert "RuntimeDefault" == spec["securityContext"]["seccompProfile"]["type"], told
            assert 0 < spec["securityContext"]["runAsUser"], told
            assert (
                set() == {key for volume in spec.get("volumes", ()) for key in volume if key != "name"} - SAFE_VOLUMES
            ), told
            for container in (*spec["containers"], *spec.get("initContainers", ())):
                context = container["securityContext"]
                assert context["allowPrivilegeEscalation"] is False, told
                assert {"drop": ["ALL"]} == context["capabilities"], told
                assert context["readOnlyRootFilesystem"] is True, told
                assert not any("hostPort" in port for port in container.get("ports", ())), told

    def test_only_kube_state_metrics_has_a_token(self, objects):
        """No other pod could ask the API server."""
        for name, pod in pods(objects):
            expected = name.endswith("-kube-state-metrics")
            assert expected is pod["spec"]["automountServiceAccountToken"], name
            assert expected is ("serviceAccountName" in pod["spec"]), name

    def test_every_container_says_what_it_needs(self, objects):
        """Requests, and a limit of memory where the values do not say otherwise."""
        for name, pod in pods(objects):
            for container in pod["spec"]["containers"]:
                assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name

    def test_images_are_pinned(self, objects):
        """By a tag that is none of those that move, or by a digest."""
        for name, pod in pods(objects):
            for container in pod["spec"]["containers"]:
                _, _, tag = container["image"].rpartition("@" if "@" in container["image"] else ":")
                assert tag not in {"", "latest", "stable", "main"}, name

    def test_digests_win(self):
        """Where one is given."""
        for name, pod in pods(rendered(FILES["full-values"])):
            assert "@sha256:" in pod["spec"]["containers"][0]["image"], name

    def test_where_pods_go_is_for_all_of_them(self):
        """Also for the job and the tests."""
        for name, pod in pods(rendered(FILES["full-values"])):
            spec = pod["spec"]
            assert {"kubernetes.io/os": "linux"} == spec["nodeSelector"], name
            assert [{"key": "example.org/core", "operator": "Exists"}] == spec["tolerations"], name
            assert "system-cluster-critical" == spec["priorityClassName"], name
            assert [{"name": "registry"}] == spec["imagePullSecrets"], name


class TestRights:
    """What the API server lets us do."""

    def test_pods_of_the_hub_can_be_listed_and_watched(self):
        """And that is all: one Role in each namespace, bound to one account."""
        objects = rendered(FILES["full-values"])
        rights = {each["metadata"]["namespace"]: each["rules"] for each in of_kind(objects, "Role")}

        rule = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]
        assert {"jhub": rule, "jhub-users": rule} == rights
        for binding in of_kind(objects, "RoleBinding"):
            assert [("ServiceAccount", "hub-quota-kube-state-metrics", "jhub")] == [
                (each["kind"], each["name"], each["namespace"]) for each in binding["subjects"]
            ]

    def test_nothing_is_cluster_wide(self, objects):
        """No ClusterRole, no CRD, no webhook."""
        allowed = {
            "ConfigMap",
            "Deployment",
            "Job",
            "NetworkPolicy",
            "PersistentVolumeClaim",
            "Pod",
            "PrometheusRule",
            "Role",
            "RoleBinding",
            "Service",
            "ServiceAccount",
            "StatefulSet",
        }

        assert {each["kind"] for each in objects} <= allowed


class TestCredentials:
    """They reach pods as files, and nobody else."""

    def test_none_is_an_argument_or_a_variable(self, objects):
        """But the hub's token, which JupyterHub's own library reads there, from a Secret."""
        for name, pod in pods(objects):
            for container in pod["spec"]["containers"]:
                given = [each["name"] for each in container.get("env", ()) if "valueFrom" in each]
                assert given in ([], ["JUPYTERHUB_API_TOKEN"]), name
                assert not any("password" in str(each).lower() for each in container.get("args", ())), name

    def test_only_prometheus_reads_its_own_side(self, objects):
        """The hashes, and the next password, are not for the page and the tests."""
        for name, pod in pods(objects):
            keys = set()
            for volume in pod["spec"].get("volumes", ()):
                sources = volume.get("projected", {}).get("sources", ())
                for secret in (volume.get("secret"), *(source.get("secret") for source in sources)):
                    keys |= {item["key"] for item in (secret or {}).get("items", ())}
            assert not any("next" in key for key in keys), name
            assert name.endswith("-prometheus") or "web.yml" not in keys, name

    def test_probes_name_none(self, objects):
        """The pod's specification can be read by many."""
        for each in of_kind(objects, "StatefulSet"):
            (container,) = each["spec"]["template"]["spec"]["containers"]
            assert (
                "--http.config.file=/etc/prometheus/config/client.yml" in container["readinessProbe"]["exec"]["command"]
            )
            assert "httpHeaders" not in str(container)
