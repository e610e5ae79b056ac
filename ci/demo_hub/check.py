"""The demo without a person: what somebody would try, and whether it comes out right."""

import json
import math
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from demo_hub.browser import Browser
from demo_hub.hub import BIN, DemoError, Hub, processes

# The policy of the demo, some six times as quick.
POLICY = """
window: 50s
groups:
  regular: {memory: 160 GiB-seconds, gpu: 0}
default: {memory: 20 GiB-seconds, gpu: 0}
minimum_runtime: 10s
session: 20s
"""

# The same, and servers that run on are stopped.
STOPPING = f"{POLICY}while_running: stop\ngrace: 5s\nwarn_before: [20s]\n"

GIB = 2**30
MEDIUM, LARGE = 4, 16
TOLERATED_SECONDS = 2.0
RECORD_SECONDS = 5.0
# The hub beats every 30 s, and only what was seen can stop a server.
STOP_SECONDS = 60.0
YES, NO = 0, 1


class WrongError(Exception):
    """Something did not come out right."""


def check(hub: Hub) -> bool:
    """Try everything, with a line for each step; return whether all came out right."""
    begun = time.monotonic()
    try:
        for_each_step(hub)
    except (WrongError, DemoError, TimeoutError, httpx.HTTPError) as error:
        print(f"FAILED  {error}\nThe log of the hub: {hub.log}", flush=True)
        return False
    print(f"All came out right, in {time.monotonic() - begun:.0f} s.", flush=True)
    return True


def for_each_step(hub: Hub) -> None:
    """
    Take the steps.

    Raises:
        WrongError: one of them did not come out right. The other errors of `check` say the same.
    """
    hub.policy.write_text(POLICY, encoding="utf-8")
    with step("the hub starts"):
        hub.start()
    with step("ann signs in and is shown the sizes"):
        ann = Browser(hub.url, "ann", hub.password)
        expect(ann.choices() == ["small", "medium", "large", "gpu"], "the form does not show the sizes")
    use_some(hub, ann)
    free_again = be_refused(hub, ann)
    with step(f"she waits until {LARGE} GiB are free again, {free_again - time.time():.0f} s"):
        time.sleep(max(0.0, free_again + 1 - time.time()))
    with step("now it starts"):
        launch(ann, "large", "This server reserves 16 GiB and can run for")
    survive(hub)
    be_stopped(hub)
    with step("everything ends, on record too"):
        hub.end()
        expect(not processes(hub.folder), f"these still run: {processes(hub.folder)}")
        expect(not running(hub), "a session is still open")


def use_some(hub: Hub, ann: Browser) -> None:
    """Ann runs a medium server, and is charged for it."""
    with step("a medium server starts, and she reads what it costs"):
        started = time.time()
        launch(ann, "medium", "This server reserves 4 GiB and can run for")
    with step("her server answers"):
        expect("JupyterLab" in ann.get("/user/ann/lab").text, "its page is not JupyterLab's")
    with step("what it used is its size times its time"):
        the_session(hub)
        held, used = time.time() - started, used_seconds(hub)
        expect(abs(held - used) <= TOLERATED_SECONDS, f"{used:.1f} s are on record, it was {held:.1f} s")
    with step("the usage page is in the hub's menu, and says the same"):
        same_page(hub, ann)
    with step("it stops, and so does the use"):
        ann.stop()
        held, used = time.time() - started, used_seconds(hub)
        expect(0 <= held - used <= 2 * TOLERATED_SECONDS, f"{used:.1f} s are on record, it was {held:.1f} s")
        expect(used_seconds(hub) == used, "what is used still grows")


def be_refused(hub: Hub, ann: Browser) -> float:
    """Ann asks for more than is left, and is told from when she can have it; return that."""
    with step("a large one is refused in words"):
        refused(ann, "large", "too little is left for this server, which reserves 16 GiB")
        decision = newest_decision(hub)
        refusal = decision["sentence"]
    with step("the command line says the same"):
        large = ("--memory", f"{LARGE}GiB", "--cpu", "4")
        same = ask(hub, "check", *large, "--at", str(decision["at"]), code=NO)
        expect(without_reference(same["sentence"]) == without_reference(refusal), f"it says: {same['sentence']}")
    with step("the usage page too"):
        expect("Nothing" not in same_page(hub, ann)["summary"], "something is left")
        counted = {quota["resource"]: quota["used"] for quota in decision["quotas"]}
        said = {quota["resource"]: quota["used"] for quota in ask(hub, "status", "--at", str(decision["at"]))["quotas"]}
        expect(close(counted["memory"], said["memory"]), f"the hub counted {counted}, the command line says {said}")
    with step("so does the moment from which it can start"):
        free_again: float = same["refills"][0]["at"]
        expect(clock(free_again) in refusal, f"from {clock(free_again)} it could start, but she reads: {refusal}")
        ask(hub, "check", *large, "--at", str(free_again - 1), code=NO)
        ask(hub, "check", *large, "--at", str(free_again + 1), code=YES)
    with step("the event explains the refusal"):
        explained = run("explain", str(hub.events), "--reference", decision["reference"])
        expect(": refused (too-little-left)." in explained, f"it says: {explained}")
    with step("a GPU is refused, since nobody has any"):
        refused(ann, "gpu", "Your GPU quota is 0, so this server cannot start")
    return free_again


def survive(hub: Hub) -> None:
    """The hub crashes, and what ran goes on."""
    with step("the hub is killed and starts again"):
        before = the_session(hub)
        hub.kill()
        hub.start()
    with step("her server goes on as the same session"):
        ann = Browser(hub.url, "ann", hub.password)
        expect("JupyterLab" in ann.get("/user/ann/lab").text, "it does not answer")
        time.sleep(TOLERATED_SECONDS)  # the hub looks at its servers, and records what it finds
        after = the_session(hub)
        is_same = (before["id"], before["start"]) == (after["id"], after["start"])
        expect(is_same, f"before: {before}, after: {after}")


def be_stopped(hub: Hub) -> None:
    """Ann's large server has long used up what she had: she is warned, has her grace, and it is stopped."""
    ann = Browser(hub.url, "ann", hub.password)
    path = ann.services().get("quota", "")
    with step("the policy now stops servers, and she is warned"):
        # The service starts with the hub, and is up a little later.
        deadline = time.monotonic() + STOP_SECONDS
        while not (is_page := ">Your quota</h1>" in ann.get(path).text) and time.monotonic() < deadline:
            time.sleep(0.5)
        expect(is_page, "the usage page is none")
        hub.policy.write_text(STOPPING, encoding="utf-8")
        # Until the service has read the policy anew, it only warns.
        (notice,) = soon(ann, path, "notices", lambda each: bool(each["stops"]))
        expect("Save your work." in notice["advice"], f"she reads: {notice}")
    with step("her server is stopped after the grace, and she reads why"):
        (stopped,) = soon(ann, path, "stopped")
        told = "Your default server was stopped today at"
        expect(stopped["sentence"].startswith(told), f"she reads: {stopped['sentence']}")
        # A warning shows the end to which it holds.
        expect(
            stopped["at"] >= notice["ends"] - TOLERATED_SECONDS, f"{notice['ends']} was said, it was {stopped['at']}"
        )
        deadline = time.monotonic() + RECORD_SECONDS
        while running(hub) and time.monotonic() < deadline:
            time.sleep(0.1)
        expect(not running(hub), "a session is still open")
    with step("the next launch says why the last server ended"):
        refused(ann, "large", "Your last server ended today at")


def soon(
    person: Browser, path: str, what: str, meant: Callable[[dict[str, Any]], bool] = lambda _: True
) -> list[dict[str, Any]]:
    """Return what the usage page's API tells under *what*, once there is one thing that is *meant*."""
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        found = [each for each in person.get(f"{path}api/me").json()[what] if meant(each)]
        if found or time.monotonic() > deadline:
            expect(len(found) == 1, f"it tells {len(found)} {what}")
            return found
        time.sleep(0.5)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is tried, and how long it took."""
    print(f"{title:60}", end="", flush=True)
    begun = time.monotonic()
    try:
        yield
    except BaseException:
        print(flush=True)
        raise
    print(f"{time.monotonic() - begun:5.1f} s", flush=True)


def expect(is_right: bool, otherwise: str) -> None:
    """
    Go on if it is right.

    Raises:
        WrongError: it is not.
    """
    if not is_right:
        raise WrongError(otherwise)


def launch(person: Browser, size: str, sentence: str) -> None:
    """Start a server by the form, and follow it until it is ready; *sentence* must be among what is said meanwhile."""
    person.choose(size)
    events = person.progress()
    said = " ".join(event.get("message", "") for event in events)
    expect(bool(events[-1].get("ready")), f"it did not start: {said}")
    expect(sentence in said, f"'{sentence}' is not in: {said}")


def refused(person: Browser, size: str, sentence: str) -> None:
    """Ask for a server that must not start; *sentence* must be the last word of the start, and on the page."""
    person.choose(size)
    last = person.progress()[-1]
    expect(bool(last.get("failed")) and sentence in last["message"], f"the start ends with: {last}")
    page = person.get(f"/hub/spawn-pending/{person.user}")
    expect(page.status_code == httpx.codes.FORBIDDEN, f"the page has the status {page.status_code}")
    expect(sentence in page.text, f"the page does not say: {sentence}")


def run(*arguments: str, code: int = YES) -> str:
    """Return what `jupyterhub-quota` prints."""
    command = [str(BIN / "jupyterhub-quota"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    expect(done.returncode == code, f"exit code {done.returncode} of jupyterhub-quota {arguments[0]}: {done.stderr}")
    return done.stdout


def ask(hub: Hub, question: str, *arguments: str, code: int = YES) -> dict[str, Any]:
    """Return what `jupyterhub-quota` answers about ann."""
    whose = ("--policy", str(hub.policy), "--ledger", hub.ledger, "--user", "ann", "--group", "regular")
    answer: dict[str, Any] = json.loads(run(question, *whose, *arguments, "--json", code=code))
    return answer


def same_page(hub: Hub, ann: Browser) -> dict[str, Any]:
    """See that the usage page and the command line tell the same of one moment, to the second; return what it says."""
    path = ann.services().get("quota", "")
    expect(bool(path), "the hub's menu does not name it")
    page = ann.get(path).text
    me: dict[str, Any] = ann.get(f"{path}api/me").json()
    expect(me["known"] and me["user"] == "ann", f"it says {me['summary']}")
    expect(">Your quota</h1>" in page, "it is no page")
    same = {quota["resource"]: quota for quota in ask(hub, "status", "--at", str(me["at"]))["quotas"]}
    expect({"memory", "gpu"} == {quota["resource"] for quota in me["quotas"]}, "it does not show memory and GPUs")
    for one in me["quotas"]:
        other = same[one["resource"]]
        expect(close(one["used"], other["used"]), f"it counts {one['used']}, the command line {other['used']}")
        expect(one["sentence"] == other["sentence"], f"it says: {one['sentence']} It should: {other['sentence']}")
    return me


def close(one: float, other: float) -> bool:
    """Whether both are the use of a medium server, to the second."""
    return abs(one - other) <= MEDIUM * GIB


def used_seconds(hub: Hub) -> float:
    """Return for how long ann held a medium server, by what she has used."""
    quotas = ask(hub, "status")["quotas"]
    used: float = next(quota["used"] for quota in quotas if quota["resource"] == "memory")
    return used / (MEDIUM * GIB)


def running(hub: Hub) -> list[dict[str, Any]]:
    """Return the sessions that are open on record."""
    lines = run("sessions", "export", "--ledger", hub.ledger).splitlines()
    return [session for session in map(json.loads, lines) if session["end"] is None]


def the_session(hub: Hub) -> dict[str, Any]:
    """Return the one session that is open on record; a new one is there a moment after its server is ready."""
    deadline = time.monotonic() + RECORD_SECONDS
    while len(found := running(hub)) != 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    expect(len(found) == 1, f"one session should be open on record: {found}")
    return found[0]


def newest_decision(hub: Hub) -> dict[str, Any]:
    """Return the decision that the hub told last."""
    decision: dict[str, Any] = json.loads(hub.events.read_text(encoding="utf-8").splitlines()[-1])
    return decision


def without_reference(sentence: str) -> str:
    """Return *sentence* less what is another one for each decision."""
    return sentence.rpartition(" (reference ")[0]


def clock(when: float) -> str:
    """Return a moment as sentences say it: rounded up to the minute."""
    moment = datetime.fromtimestamp(math.ceil(when / 60) * 60, UTC)
    return f"{moment.hour}:{moment.minute:02} UTC"
