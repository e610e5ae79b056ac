"""What was used stays known through upgrades, rollbacks and even an uninstallation. The last tests of a run."""

import pytest

from bed.record import charged_in_the_end, memory_used
from bed.waiting import until

CLAIM = "jupyterhub-quota-prometheus"


@pytest.fixture(scope="module")
def una(hub, deployment):
    """Una has used something, and nothing of hers runs. Returns what she used."""
    hub.add("una", "regular")
    assert "Server ready at /user/una/" == hub.start("una", "half")[-1]
    until(lambda: memory_used(deployment, "una", "regular") > 5 * 2**30, "una to use something", every=2)
    hub.stop("una")
    return charged_in_the_end(deployment, "una", "regular")


def test_upgrade(una, deployment, namespace):
    """Another retention, so that Prometheus starts anew; with the credential that it had."""
    before = namespace.get("secret", "jupyterhub-quota-prometheus")["data"]
    deployment.quota({"prometheus": {"retention": "500d"}})
    deployment.all_up()

    assert una == pytest.approx(known(deployment))
    assert before == namespace.get("secret", "jupyterhub-quota-prometheus")["data"]


def test_rollback(una, deployment, namespace):
    """To what was there before."""
    namespace.helm("rollback", "quota", "--wait", "--timeout", "5m", minutes=6)
    deployment.all_up()

    assert una == pytest.approx(known(deployment))


def test_uninstall_and_install_again(una, hub, deployment, namespace):
    """The volume stays, and the next installation takes it."""
    volume = namespace.get("pvc", claim(namespace))["spec"]["volumeName"]
    namespace.helm("uninstall", "quota", "--wait", "--timeout", "5m", minutes=6)
    deployment.quota()
    deployment.all_up()

    assert volume == namespace.get("pvc", claim(namespace))["spec"]["volumeName"]
    assert una == pytest.approx(known(deployment))

    def allowed():
        hub.stop("una")
        return hub.start("una", "normal")[-1] == "Server ready at /user/una/"

    assert until(allowed, "the hub to be let in with the new credential", every=5)


def claim(namespace):
    """Return the name of the claim of the quota Prometheus."""
    found = [one["metadata"]["name"] for one in namespace.get("pvc") if CLAIM in one["metadata"]["name"]]
    assert 1 == len(found), found
    return found[0]


def known(deployment):
    """Return what una used, once the record answers again."""
    return until(lambda: memory_used(deployment, "una", "regular"), "the record to answer", every=2)
