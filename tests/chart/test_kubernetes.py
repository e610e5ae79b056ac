"""What is rendered is what Kubernetes takes, in every version that we support."""

import kubernetes_validate
import pytest
import yaml

from documentation import blocks
from rendering import CHART, MINIMAL, VALUES_FILES, of_kind, rendered, template

VERSIONS = ("1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
# Not Kubernetes' own; the operator's schema is not among those that we have.
NOT_KUBERNETES = {"PrometheusRule"}


@pytest.mark.parametrize("path", VALUES_FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("version", VERSIONS)
def test_strict_validation(path, version: str):
    """No unknown field, no wrong type: every values file, every version."""
    values = yaml.safe_load(path.read_text())
    objects = rendered(values, "--kube-version", f"{version}.0")

    for each in objects:
        if each["kind"] not in NOT_KUBERNETES:
            kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("values", blocks())
def test_strict_validation_of_what_the_documentation_shows(values):
    """Rendered once, since no template asks for the version; held against every one."""
    assert not any("Capabilities" in path.read_text() for path in (CHART / "templates").rglob("*.*"))
    for each in rendered(values):
        if each["kind"] not in NOT_KUBERNETES:
            for version in VERSIONS:
                kubernetes_validate.validate(each, version, strict=True)


def test_an_older_kubernetes_is_refused():
    """Helm says so itself."""
    with pytest.raises(AssertionError, match="which is incompatible with Kubernetes"):
        rendered(None, "--kube-version", "1.29.0")


class TestNames:
    """Fixed, so that the block for the jupyterhub chart is the same for everybody."""

    def test_they_are_the_documented_ones(self):
        """Whatever the release is called."""
        names = {(each["kind"], each["metadata"]["name"]) for each in rendered()}

        assert {
            ("StatefulSet", "jupyterhub-quota-prometheus"),
            ("Service", "jupyterhub-quota-prometheus"),
            ("PersistentVolumeClaim", "jupyterhub-quota-prometheus"),
            ("ConfigMap", "jupyterhub-quota-policy"),
            ("ConfigMap", "jupyterhub-quota-hub"),
            ("Deployment", "jupyterhub-quota-kube-state-metrics"),
            ("Deployment", "jupyterhub-quota-service"),
            ("Service", "jupyterhub-quota-service"),
        } <= names

    def test_one_prefix_changes_all_of_them(self):
        """For a second hub in the same namespace."""
        for each in rendered({"fullnameOverride": "second"}):
            assert each["metadata"]["name"].startswith("second-")

    def test_every_object_says_whose_it_is(self):
        """By Kubernetes' recommended labels, and labels of one's own."""
        for each in rendered({"labels": {"team": "it"}}):
            labels = each["metadata"]["labels"]
            assert ("jupyterhub-quota", "quota", "it") == (
                labels["app.kubernetes.io/name"],
                labels["app.kubernetes.io/instance"],
                labels["team"],
            )


class TestHistory:
    """What was recorded outlives the release."""

    def test_the_volume_stays(self):
        """On uninstall."""
        (claim,) = of_kind(rendered(), "PersistentVolumeClaim")

        assert "keep" == claim["metadata"]["annotations"]["helm.sh/resource-policy"]

    def test_there_is_never_a_second_prometheus_on_it(self):
        """A StatefulSet of one: the next starts when the last is gone. Its claim is no template and can grow."""
        (prometheus,) = of_kind(rendered(), "StatefulSet")

        assert 1 == prometheus["spec"]["replicas"]
        assert "volumeClaimTemplates" not in prometheus["spec"]

    def test_rendering_twice_gives_the_same(self):
        """Nothing changes at every synchronisation."""
        assert template(MINIMAL).stdout == template(MINIMAL).stdout
