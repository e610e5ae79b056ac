"""The credential that the chart makes or is given: what Helm does with a cluster in sight. Nothing of it has to run."""

import base64
import secrets

import pytest
import yaml

from bed.cluster import CommandError, Namespace, run
from bed.images import CHART

RELEASE = "quota"
SECRET = "jupyterhub-quota-prometheus"
# As little as there can be, on a node that is not there.
VALUES = {
    "policy": {"default": "unlimited"},
    "policyCheck": {"enabled": False},
    "service": {"enabled": False},
    "prometheus": {"persistence": {"enabled": False}},
    "scheduling": {"nodeSelector": {"kubernetes.io/hostname": "nowhere"}},
}


@pytest.fixture(scope="module")
def place():
    """A namespace for these tests alone, since all of them have the same Secret."""
    place = Namespace(f"e2e-{secrets.token_hex(3)}")
    run("kubectl", "create", "namespace", place.name)
    yield place
    run("kubectl", "delete", "namespace", place.name, "--wait=false")


@pytest.fixture
def install(place):
    """Install or upgrade the chart with something in `prometheus.auth`; return what the Secret holds then."""

    def upgrade(**auth):
        place.helm("upgrade", "--install", RELEASE, CHART, values=with_auth(**auth))
        return held(place)

    yield upgrade
    if RELEASE in place.helm("list", "--short").split():
        place.helm("uninstall", RELEASE)
    place.kubectl("delete", "secret", SECRET, "--ignore-not-found")


class TestMade:
    """By the chart, when it is first installed."""

    def test_it_has_the_next_one_as_well(self, install):
        """Prometheus knows both from the beginning, by their hashes."""
        made = install()

        assert {"username", "password", "next-username", "next-password", "web.yml"} == set(made)
        assert {made["username"], made["next-username"]} == set(users(made))
        assert 2 == len({made["password"], made["next-password"]})
        assert all(known.startswith("$2a$") for known in users(made).values())

    def test_an_upgrade_changes_nothing(self, install):
        """Neither the passwords nor their hashes, which would differ each time."""
        assert install() == install()

    def test_what_is_rendered_in_sight_of_the_cluster_is_the_same(self, install, place):
        """So that whoever synchronises in this way changes nothing either."""
        made = install()
        text = place.helm("template", RELEASE, CHART, "--dry-run=server", values=VALUES)
        (secret,) = [each for each in yaml.safe_load_all(text) if each and "Secret" == each["kind"]]

        assert made == decoded(secret)

    def test_one_that_is_half_there_is_made_anew(self, install, place):
        """Somebody removed a key by hand."""
        install()
        place.kubectl("patch", "secret", SECRET, "--type=json", '--patch=[{"op": "remove", "path": "/data/web.yml"}]')
        made = install()

        assert {made["username"], made["next-username"]} == set(users(made))


class TestRotation:
    """Another word in `rotation`."""

    def test_the_next_one_becomes_current(self, install):
        """Prometheus knows it already, and goes on knowing the one before, by the same hashes."""
        first = install()
        second = install(rotation="once")

        assert (first["next-username"], first["next-password"]) == (second["username"], second["password"])
        assert {first["username"], second["username"], second["next-username"]} == set(users(second))
        assert users(first).items() <= users(second).items()

    def test_the_same_word_changes_nothing(self, install):
        """Nor does leaving the word out again."""
        rotated = install(rotation="once")

        assert rotated == install(rotation="once")
        assert rotated == install()

    def test_two_changes_end_the_first(self, install):
        """Then whoever learnt of it is out."""
        first = install()
        install(rotation="once")

        assert first["username"] not in users(install(rotation="twice"))

    def test_a_rollback_brings_back_the_one_before(self, install, place):
        """In whole."""
        first = install()
        install(rotation="once")
        place.helm("rollback", RELEASE)

        assert first == held(place)


class TestReinstallation:
    """What the hub still holds goes on to count."""

    def test_it_stays_and_is_found_again(self, install, place):
        """Under the same name of the release."""
        made = install()
        place.helm("uninstall", RELEASE)

        assert made == held(place)
        assert made == install()

    def test_another_release_takes_it_by_its_name(self, install, place):
        """As the documentation says; without, Helm refuses to take what is not its own."""
        made = install()
        place.helm("uninstall", RELEASE)
        with pytest.raises(CommandError, match="invalid ownership metadata"):
            place.helm("install", "other", CHART, "--dry-run=server", values=VALUES)
        place.helm("install", "other", CHART, values=with_auth(existingSecret=SECRET))
        place.helm("uninstall", "other")

        assert made == held(place)


class TestGiven:
    """A Secret of one's own."""

    def test_it_is_missing(self, place):
        """Said before anything is installed: otherwise pods would wait for it without a word."""
        assert f"there is no Secret 'mine' in the namespace {place.name}" in refusal(place, existingSecret="mine")

    @pytest.mark.parametrize("key", ["username", "password", "web.yml"])
    def test_it_lacks_a_key(self, place, key):
        """The one that is missing is named."""
        make(place, "short", *({"username", "password", "web.yml"} - {key}))

        assert f"the Secret 'short' has no key '{key}'" in refusal(place, existingSecret="short")

    def test_an_external_prometheus_has_its_own_hashes(self, place):
        """So that two keys are enough, and less is not."""
        external = {"mode": "external", "external": {"url": "http://prometheus:9090"}}
        policies = {"networkPolicy": {"enabled": False}}
        make(place, "two", "username", "password")
        make(place, "one", "username")

        assert f"name: {SECRET}" not in render(place, external, existingSecret="two", **policies)
        with pytest.raises(CommandError, match="the Secret 'one' has no key 'password'"):
            render(place, external, existingSecret="one", **policies)

    def test_the_chart_makes_none(self, place):
        """And Prometheus has the given one."""
        make(place, "mine", "username", "password", "web.yml")
        objects = [each for each in yaml.safe_load_all(render(place, existingSecret="mine")) if each]
        (prometheus,) = [each for each in objects if "StatefulSet" == each["kind"]]
        volumes = prometheus["spec"]["template"]["spec"]["volumes"]

        assert "Secret" not in {each["kind"] for each in objects}
        assert {"mine"} == {volume["secret"]["secretName"] for volume in volumes if volume["name"] in {"web", "auth"}}


def with_auth(**auth):
    """Return the values of these tests with something in `prometheus.auth`."""
    return VALUES | {"prometheus": VALUES["prometheus"] | {"auth": auth}}


def render(place, prometheus=None, *, existingSecret, **more):  # noqa: N803 - a key of the values
    """Return what Helm renders in sight of the cluster."""
    values = with_auth(existingSecret=existingSecret) | more
    values["prometheus"] = values["prometheus"] | (prometheus or {})
    return place.helm("template", RELEASE, CHART, "--dry-run=server", values=values)


def refusal(place, **auth):
    """Return what Helm says when it does not install the chart."""
    with pytest.raises(CommandError) as told:
        place.helm("install", RELEASE, CHART, "--dry-run=server", values=with_auth(**auth))
    return str(told.value)


def make(place, name, *keys):
    """Make or change a Secret with these keys."""
    place.kubectl("delete", "secret", name, "--ignore-not-found")
    place.kubectl("create", "secret", "generic", name, *(f"--from-literal={key}=x" for key in keys))


def held(place):
    """Return what the chart's Secret holds in the cluster."""
    return decoded(place.get("secret", SECRET))


def decoded(secret):
    """Return the texts in a Secret."""
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def users(made):
    """Return whom Prometheus lets in: names and hashes."""
    return yaml.safe_load(made["web.yml"])["basic_auth_users"]
