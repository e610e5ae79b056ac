"""
What the API answers about one user: the contract with the page and with every other program.

Amounts are base units: bytes, cores, devices, seconds and their products; times are seconds since the epoch. Whatever
people read is there as text, in their units and words: nobody who shows it converts or words anything. `null` is what
has no number: unlimited, or not known. Fields may be added; none is renamed or given another meaning.
`models_history.py` and `models_admin.py` have the rest; `docs/service.md` says which route answers what.

The HTML of `/` and `/admin` holds numbers and sentences in `<div id="root" data-page=… data-prefix=… data-xsrf=…>`,
which the script fills anew. `data-page` is "user" or "admin". `data-prefix` is the service's path with a slash at its
end; the API lies below it in `api/`. The header `X-XSRFToken` with the value of `data-xsrf` goes with every request of
the script, since a browser's requests are not answered without it. On `/` the answer of `api/me` stands in
`<script id="me" type="application/json">`, so that nobody waits for a first picture; on `/admin` that of `api/users`
stands in `<script id="users" type="application/json">`. The script and its styles are those of Vite's manifest
`static/manifest.json`; they are served at `static/` below the prefix.

Where the answer is not 200, its
body is a `Problem`: 401 asks to load the page again, which signs in; 403 is not allowed; 503 is worth another try.
Lists (`days`, `sessions`, `users`) come as CSV with `?format=csv`.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from jupyterhub_quota_service.models_running import Notice, StoppedServer

ResourceName = Literal["memory", "cpu", "gpu"]

State = Literal["ok", "near", "over", "none", "unlimited"]


class Model(BaseModel):
    """What all have in common: each field is documented where it stands."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Health(Model):
    """`/healthz`: the process answers. Says nothing about the hub or the ledger."""

    status: Literal["ok"] = "ok"
    """Always this."""


class Problem(Model):
    """What stands in place of an answer, with the status 4xx or 5xx."""

    message: str
    """A sentence for the user, with the next step."""
    reference: str
    """Short name under which the log says more."""


class Known(Model):
    """How much is known, and as of when."""

    at: float
    """The present for which this was computed."""
    as_of: float | None
    """The time of which usage is known; `null` where nothing is known at all."""
    as_of_text: str
    """The same in words: "today at 14:02 CEST"; empty where nothing is known at all."""
    complete_since: float | None
    """Older use may be missing; `null` where nothing is known to be missing."""
    known: bool
    """Whether usage is known now. Where it is not, the figures are the last known ones (of `as_of`), or there are none:
    then the lists are empty. Never read as 0."""
    problem: str | None
    """Where it is not known: a sentence that says so and how old the figures are."""
    retry_seconds: float | None
    """Where it is worth asking again soon, because reading takes long or did not work: after so many seconds."""


class Return(Model):
    """What of today's use is no longer counted from the end of a coming day on."""

    date: str
    """The day, as 2026-05-03, in the policy's time zone."""
    date_text: str
    """The day in words: "3 May"."""
    amount: float
    """Resource-seconds that fall out of the window on that day."""
    text: str
    """The amount in words: "12 GiB-hours"."""


class Quota(Model):
    """One quota with its usage."""

    resource: ResourceName
    """What is counted."""
    title: str
    """"Memory, last 30 days"."""
    window_seconds: float
    """How far back use counts."""
    window_text: str
    """"30 days"."""
    limit: float | None
    """At most this much in the window, in resource-seconds; `null` is unlimited."""
    used: float
    """What was used in the window."""
    remaining: float | None
    """What is left, never below 0; `null` is unlimited."""
    group: str | None
    """The group that gives this quota; `null` is the default."""
    group_text: str
    """"from group power", or "the default"."""
    state: State
    """`near`: 80 % is used, or what runs now lasts for less than 2 hours. `over`: nothing is left. `none`: the limit is
    0. `unlimited`: there is no limit."""
    state_text: str
    """The state in words for who does not see colours: "almost used up"; empty where all is well."""
    heading: str
    """What is left: "10 GiB-hours left"."""
    used_text: str
    """"50 of 60 GiB-hours used"; the same quantity as `share`."""
    share: float | None
    """used / limit from 0 to 1, for the bar; never 1 before all is used; `null` without a limit, or with one of 0."""
    share_text: str
    """"83 %", rounded down; empty where there is no share."""
    sentence: str
    """The quota with its usage, as hub and command line say it."""
    runs_text: str
    """For how long it lasts, and what then; empty where that says nothing."""
    refill_sentence: str | None
    """What comes back, or from when a server can start again; `null` where nothing comes back."""
    returns: tuple[Return, ...]
    """What comes back on which coming day if nothing more is used; days on which nothing does are left out."""


class Running(Model):
    """A server that runs now."""

    server: str
    """Its name; empty for the default server."""
    server_text: str
    """How to speak of it: "your default server", "your server 'big'"."""
    start: float
    """Since when it holds what it holds."""
    since_text: str
    """"since today at 9:12 CEST"."""
    size_text: str
    """What it reserves: "4 GiB of memory and 2 cores"."""
    per_hour_text: str
    """What it uses: "4 GiB-hours of memory per hour"; only of limited resources, empty where none of them is."""
    lasts_until: float | None
    """When, at the rate of all that runs, the first quota that it uses is used up; `null`: none ever is."""
    lasts_text: str
    """"lasts until about today at 15:40 CEST, then it is stopped", or that it can go on."""


class Size(Model):
    """
    A size of server, and how long it would run if it were started now.

    As the user's default server, in the place of the one that runs, beside all named servers.
    """

    name: str
    """What the admin calls it, or its size where it is one that was used lately."""
    request: dict[ResourceName, float]
    """What it reserves, in base units."""
    request_text: str
    """The same in words."""
    allowed: bool
    """Whether it could start now."""
    runtime_seconds: float | None
    """How long it would run; `null` is without an end."""
    text: str
    """"2 h 30 min", or "not now: …" and why."""
    message: str
    """What the hub says when it is started, in the admin's own words; empty where the policy has none."""


class Explanation(Model):
    """A question that people have, and its answer."""

    title: str
    """The question."""
    text: str
    """The answer, plain text of one or more sentences."""


class Links(Model):
    """Where to go from here. Paths of this hub, ready for `href`."""

    home: str
    """The hub's own page, where servers are stopped."""
    logout: str
    """Signs out of the hub."""
    usage: str
    """The user's page of this service."""
    admin: str | None
    """The admins' page of this service; `null` for who may not see it."""


class Me(Known):
    """`/api/me`, `/api/users/{name}`: all about one user."""

    user: str
    """Whose figures these are."""
    groups: tuple[str, ...] | None
    """The user's groups, sorted; `null` where they are not known."""
    exempt: bool
    """Whether no quota stops this user."""
    summary: str
    """What is left, for how long that lasts and the next step, in two or three short sentences: the first that a screen
    reader reads."""
    quotas: tuple[Quota, ...]
    """The quotas that count, the most pressing first; the limited before the unlimited."""
    running: tuple[Running, ...]
    """The servers that run now, the oldest first."""
    sizes: tuple[Size, ...]
    """How long each size would run: the admin's list, or the sizes that were used lately."""
    explanations: tuple[Explanation, ...]
    """What is counted, where quotas come from, how to save, whom to ask."""
    notices: tuple[Notice, ...]
    """Running servers whose quota is used up, or soon will be, the first end first: what to warn of."""
    stopped: tuple[StoppedServer, ...]
    """Servers that were stopped in the last 24 hours because a quota was used up, the latest first."""
    contact: str
    """The admin's sentence about how to get more; may be empty."""
    links: Links
    """Where to go from here."""
