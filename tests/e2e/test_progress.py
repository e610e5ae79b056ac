"""
What people read while a server starts, on the event stream of a real cluster.

One story a test, with the exact lines, as a browser receives them. Several are played at the same time: a real hub has
many people, too.
"""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from bed.texts import lasting
from bed.waiting import until

# The quota hook speaks in the same log.
UNLIMITED = "Your quota does not limit this server."
REQUESTED = "Server requested"
FOUND = "A machine has been found for your server."
PRESENT = "Your environment is already on the machine."
STARTING = "Your server is starting."
RUNNING = "Your server is running. You are being connected to it."
NORMAL = [REQUESTED, UNLIMITED, FOUND, PRESENT, STARTING, RUNNING]
DOWNLOADING = "Your environment is being downloaded. The first time on a machine this usually takes 1 to 5 minutes."
CANNOT_DOWNLOAD = "Your environment cannot be downloaded. Trying again."
CONFIGURATION_MISSING = [
    REQUESTED,
    UNLIMITED,
    FOUND,
    PRESENT,
    "A part of your server's configuration is missing. Waiting for it.",
    (
        "Spawn failed: Your server cannot start, because a part of its configuration is missing. Only your hub's "
        "admins can add it: please tell them."
    ),
]
ADVICE = "Try again later or with a smaller size; if it does not help, tell your hub's admins."
PROFILES = (
    "normal",
    "image-missing",
    "image-private",
    "no-registry",
    "too-big",
    "no-configmap",
    "no-secret",
    "crash",
    "out-of-memory",
    "no-command",
)


@pytest.fixture(scope="module")
def said(hub):
    """Start a server of every profile, for a user of the same name, and return what each user reads."""
    with ThreadPoolExecutor(5) as people:
        stories: dict[str, Future] = {profile: people.submit(hub.start, profile, profile) for profile in PROFILES}
        yield lambda profile: stories[profile].result()


@pytest.fixture
def nothing_left(namespace):
    """Whether the pod of a user goes away."""

    def look(user):
        return until(lambda: [] == namespace.pods(f"hub.jupyter.org/username={user}"), f"the end of {user}'s pod")

    return look


def test_normal(hub, said):
    """From the request to the page of the server."""
    assert [*NORMAL, "Server ready at /user/normal/"] == said("normal")
    with hub.browser("normal") as browser:
        assert 200 == browser.get("/user/normal/api").status_code

    hub.stop("normal")


def test_image_missing(said, nothing_left):
    """A registry that has no such image."""
    assert [
        REQUESTED,
        UNLIMITED,
        FOUND,
        DOWNLOADING,
        CANNOT_DOWNLOAD,
        (
            "Spawn failed: Your server cannot start, because no environment of that name can be found. If you typed "
            "the name yourself, check it; otherwise tell your hub's admins that the name is wrong."
        ),
    ] == said("image-missing")
    assert nothing_left("image-missing")


def test_second_start(hub, said, nothing_left):
    """Nothing of the start that failed shows in the next one."""
    said("image-missing")
    nothing_left("image-missing")

    assert [*NORMAL, "Server ready at /user/image-missing/"] == hub.start("image-missing", "normal")

    hub.stop("image-missing")


def test_image_private(said, nothing_left):
    """A registry that does not give the image to us."""
    assert [
        REQUESTED,
        UNLIMITED,
        FOUND,
        DOWNLOADING,
        CANNOT_DOWNLOAD,
        (
            "Spawn failed: Your server cannot start, because its environment may not be downloaded: it is private, or "
            "its name is wrong. If you typed the name yourself, check it; otherwise tell your hub's admins."
        ),
    ] == said("image-private")
    assert nothing_left("image-private")


def test_registry_does_not_answer(said, nothing_left):
    """It may come back, so the start goes on for as long as the hub lets it."""
    waiting = "The place that environments are downloaded from does not answer. Trying again."

    assert [
        REQUESTED,
        UNLIMITED,
        FOUND,
        DOWNLOADING,
        waiting,
        f"Spawn failed: Your server did not start within … seconds. The last thing that happened: {waiting} {ADVICE}",
    ] == [lasting(line) for line in said("no-registry")]
    assert nothing_left("no-registry")


def test_too_big(said, nothing_left):
    """A server that fits on no machine waits, since a machine may come; in the end there is a sentence."""
    waiting = "No machine has enough room for your server right now. Waiting for a free place, or for a new machine."

    assert [
        REQUESTED,
        UNLIMITED,
        waiting,
        f"Spawn failed: Your server did not start within … seconds. The last thing that happened: {waiting} {ADVICE}",
    ] == [lasting(line) for line in said("too-big")]
    assert nothing_left("too-big")


@pytest.mark.parametrize("profile", ["no-configmap", "no-secret"])
def test_configuration_missing(said, nothing_left, profile):
    """A ConfigMap or a Secret that nobody has made."""
    assert CONFIGURATION_MISSING == said(profile)
    assert nothing_left(profile)


def test_crash(said, nothing_left):
    """A server that ends by itself each time it is started."""
    assert [
        REQUESTED,
        UNLIMITED,
        FOUND,
        PRESENT,
        STARTING,
        "Your server stopped by itself right after its start. Trying again.",
        (
            "Spawn failed: Your server was started several times and stopped by itself each time. Choose another "
            "environment, undo what you last changed in your start-up files, or tell your hub's admins."
        ),
    ] == said("crash")
    assert nothing_left("crash")


def test_out_of_memory(said, nothing_left):
    """A server that needs more memory than it may have, at its start."""
    assert [
        REQUESTED,
        UNLIMITED,
        FOUND,
        PRESENT,
        STARTING,
        "Your server needed more memory than it has.",
        (
            "Spawn failed: Your server needed more memory than it has, and was stopped while it started. Choose a "
            "larger size; if there is none, tell your hub's admins."
        ),
    ] == said("out-of-memory")
    assert nothing_left("out-of-memory")


def test_command_not_found(said, nothing_left):
    """A command that is not in the image."""
    assert [
        REQUESTED,
        UNLIMITED,
        FOUND,
        PRESENT,
        "The program that starts your server cannot be run.",
        (
            "Spawn failed: Your server cannot start, because the program to start is not in its environment. Choose "
            "another environment, or tell your hub's admins."
        ),
    ] == said("no-command")
    assert nothing_left("no-command")


def test_deleted_while_starting(hub, namespace, nothing_left):
    """Somebody deletes the pod of a server that has not answered yet."""
    waiting = "Your server has started and does not answer yet. Waiting for it."
    hub.request("deleted", "never-ready")
    hub.read_until(waiting, "deleted")

    namespace.kubectl("delete", "pods", "--selector", "hub.jupyter.org/username=deleted", "--wait=false")

    assert [
        REQUESTED,
        UNLIMITED,
        FOUND,
        PRESENT,
        STARTING,
        waiting,
        (
            "Spawn failed: Your server was removed while it started. Start it again; if it does not help, tell your "
            "hub's admins."
        ),
    ] == hub.said("deleted")
    assert nothing_left("deleted")
