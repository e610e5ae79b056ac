"""
What `helm test` looks at, from inside the cluster: each line says what works, or what does not and where to look.

    python check.py inside     with the credential, as the hub and the usage page ask
    python check.py outside    without either label or credential, as a user's pod would

Standard library only. What needs a moment after an installation is asked again for some minutes.
"""

import base64
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

PATIENCE_SECONDS = float(os.environ.get("PATIENCE_SECONDS", "240"))
PROMETHEUS = os.environ["PROMETHEUS_URL"].rstrip("/")
FRESH_SECONDS = 300
REFUSED = (401, 403)
OK = 200


class CheckError(Exception):
    """Something does not work; the message says what, and where to look."""


def main() -> int:
    """Return 0 if everything works."""
    failed = 0
    for check in OUTSIDE if sys.argv[1:] == ["outside"] else INSIDE:
        try:
            print(f"ok      {patiently(check)}", flush=True)
        except CheckError as error:
            failed += 1
            print(f"FAILED  {error}", flush=True)
    return 1 if failed else 0


def patiently(check: Callable[[], str]) -> str:
    """Return what *check* says, asked again while it fails and there is time."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return check()
        except CheckError:
            if time.monotonic() > end:
                raise
        time.sleep(5)


def credential_is_taken() -> str:
    """Whoever has the credential is let in."""
    query("vector(1)")
    return "Prometheus answers who has the credential"


def others_are_refused() -> str:
    """Nobody else is, whatever they guess."""
    if not os.environ.get("HAS_CREDENTIAL"):
        return "Prometheus asks for no credential, as configured"
    for who in ("", "quota:guessed"):
        status, _ = get(f"{PROMETHEUS}/api/v1/query?query=1", who)
        if status not in REFUSED:
            raise CheckError(f"Prometheus answers {'a wrong' if who else 'no'} credential with {status}, not with 401")
    return "Prometheus refuses who has no credential, or a wrong one"


def ledger_is_known() -> str:
    """The heartbeat goes through the whole chain: kube-state-metrics, scrape, rules."""
    age = number("time() - max(jupyterhub_quota:seen_seconds)")
    if age is None:
        raise CheckError(
            "The ledger has no heartbeat: are kube-state-metrics and the rules there? "
            "'jupyterhub-quota doctor' says more"
        )
    if age > FRESH_SECONDS:
        raise CheckError(f"The ledger was last seen {age:.0f} s ago: does Prometheus reach kube-state-metrics?")
    return f"The ledger is known up to {age:.0f} s ago"


def rules_evaluate() -> str:
    """Each rule, without an error."""
    groups = ask("api/v1/rules")["groups"]
    ours = [rule for group in groups if group["name"].startswith("jupyterhub-quota-") for rule in group["rules"]]
    failing = [f"{rule['name']} ({rule.get('lastError') or 'not yet'})" for rule in ours if rule["health"] != "ok"]
    if not ours:
        raise CheckError("Prometheus has none of our rules: load those of the chart")
    if failing:
        raise CheckError(f"Rules that do not evaluate: {', '.join(failing)}")
    return f"All {len(ours)} rules evaluate"


def user_names_are_shown() -> str:
    """Without them nobody is charged."""
    servers = number('count(kube_pod_labels{component="singleuser-server"})') or 0
    named = number('count(kube_pod_annotations{username!=""})') or 0
    if servers and not named:
        raise CheckError(
            f"{servers:.0f} servers run, and kube-state-metrics shows no user name: are the allow-lists set?"
        )
    return f"{named:.0f} pods with a user name" if named else "No server runs, so that there is no user name to be seen"


def hub_checks_launches() -> str:
    """As its own metrics say."""
    if not number('max(up{job="jupyterhub"})'):
        raise CheckError("The hub's metrics cannot be read: does it have the block of values that the notes print?")
    if not number("max(jupyterhub_quota_hook_loaded)"):
        raise CheckError("The hub does not check launches: its log says why jupyterhub-quota could not be imported")
    return "The hub checks launches"


def page_answers() -> str:
    """The usage page."""
    status, _ = get(os.environ["PAGE_URL"])
    if status != OK:
        raise CheckError(f"The usage page answers {status or 'nothing'}: does its pod run? It needs the hub's token")
    return "The usage page answers"


def nothing_gets_through() -> str:
    """Neither to Prometheus, unless it asks for no credential, nor to kube-state-metrics."""
    if os.environ.get("HAS_CREDENTIAL"):
        status, why = get(f"{PROMETHEUS}/api/v1/query?query=1")
        if status not in (0, *REFUSED):
            raise CheckError(f"Prometheus answers any pod with {status}")
        told = "Prometheus refuses other pods" if status else f"Other pods do not reach Prometheus ({why})"
    else:
        told = "Prometheus asks for no credential, as configured"
    if os.environ.get("KUBE_STATE_METRICS_URL"):
        status, why = get(os.environ["KUBE_STATE_METRICS_URL"])
        if status:
            raise CheckError("Any pod reaches kube-state-metrics: does the cluster's network enforce network policies?")
        told += f"; they do not reach kube-state-metrics ({why})"
    return told


def number(expression: str) -> float | None:
    """The one number that a query answers; None if it answers nothing."""
    rows = query(expression)
    return float(rows[0]["value"][1]) if rows else None


def query(expression: str) -> list:
    """The rows of an instant query."""
    return ask("api/v1/query?" + urllib.parse.urlencode({"query": expression}))["result"]


def ask(path: str) -> dict:
    """What Prometheus answers to who has the credential."""
    folder = Path(os.environ.get("CREDENTIAL_FOLDER", "/etc/jupyterhub-quota/prometheus"))
    who = ":".join((folder / name).read_text().strip() for name in ("username", "password")) if folder.exists() else ""
    status, answer = get(f"{PROMETHEUS}/{path}", who)
    if status in REFUSED:
        raise CheckError("Prometheus refuses the credential: was its Secret changed by hand?")
    if status != OK:
        raise CheckError(f"Prometheus answers {status or 'nothing'}: {answer[:200]}")
    return json.loads(answer)["data"]


def get(url: str, who: str = "") -> tuple[int, str]:
    """Status and text of an answer; 0 and the reason where there is none."""
    request = urllib.request.Request(url)  # noqa: S310 - addresses of the chart's own values
    if who:
        request.add_header("Authorization", "Basic " + base64.b64encode(who.encode()).decode())
    trusted = os.environ.get("CA_FILE")
    context = ssl.create_default_context(cafile=trusted) if trusted else None
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310 - see above
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(getattr(error, "reason", error))


OUTSIDE = (nothing_gets_through,)
INSIDE = (
    credential_is_taken,
    others_are_refused,
    ledger_is_known,
    rules_evaluate,
    user_names_are_shown,
    *((hub_checks_launches,) if os.environ.get("METRICS") else ()),
    *((page_answers,) if os.environ.get("PAGE_URL") else ()),
)

if __name__ == "__main__":
    sys.exit(main())
