"""A client that asks the hub as a script, or a person's browser, does, and reads what they read."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from .waiting import until


class Hub:
    """The hub, through its public address and the token of the service `tests`."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.api = httpx.Client(
            base_url=f"{url}/hub/api/",
            headers={"Authorization": f"token {token}"},
            timeout=httpx.Timeout(60, read=120),
            # Only for connections that were not made, as while the node finds itself again.
            transport=httpx.HTTPTransport(retries=5),
        )

    def start(self, user: str, profile: str = "", *, server: str = "") -> list[str]:
        """
        Ask for a server of *profile* and return every line that a person reads until it runs or has failed.

        Without what is said after a long silence ("... so far"): how long that is, is a matter of the machine.
        """
        self.request(user, profile, server=server)
        return self.said(user, server=server)

    def said(self, user: str, *, server: str = "") -> list[str]:
        """Return the lines of a start that was asked for, to their end."""
        lines = [item["message"] for item in self.progress(user, server=server)]
        return [line for line in lines if " so far)" not in line]

    def request(self, user: str, profile: str = "", *, server: str = "") -> None:
        """Ask for a server and do not wait for it."""
        self.add(user)

        def asked() -> httpx.Response | None:
            answer = self.api.post(self.path(user, server), json={"profile": profile} if profile else {})
            # What the hub says while the server before, or what is left of a refusal, still goes.
            return None if 400 == answer.status_code and "pending" in answer.text else answer

        answer = until(asked, f"the hub to take the request for {user}'s server")
        assert answer.status_code in (201, 202), answer.text

    def add(self, user: str, *groups: str) -> None:
        """Make a user, in *groups*."""
        answer = self.api.post(f"users/{user}")
        assert answer.status_code in (201, 409), answer.text
        for group in groups:
            self.api.post(f"groups/{group}")
            self.api.post(f"groups/{group}/users", json={"users": [user]}).raise_for_status()

    def progress(self, user: str, *, server: str = "") -> list[dict[str, Any]]:
        """Read the progress events of a start to their end."""

        def read() -> list[dict[str, Any]]:
            with self.api.stream("GET", f"{self.path(user, server)}/progress") as answer:
                if 400 == answer.status_code:
                    return []  # The hub says so for a moment while it cleans up after a refusal.
                assert 200 == answer.status_code, answer.read()
                return [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]

        return until(read, f"the progress of {user}'s server")

    def read_until(self, line: str, user: str, *, server: str = "") -> None:
        """Read the progress of a start as far as *line*."""

        def read() -> bool:
            with self.api.stream("GET", f"{self.path(user, server)}/progress") as answer:
                return any(json.dumps(line)[1:-1] in text for text in answer.iter_lines())

        until(read, f"{user} to read '{line}'")

    def stop(self, user: str, *, server: str = "") -> None:
        """Stop a server and wait until it has stopped."""

        def stopped() -> bool:
            self.api.delete(self.path(user, server))
            servers = self.api.get(f"users/{user}").raise_for_status().json()["servers"]
            return not servers.get(server)

        until(stopped, f"the end of {user}'s server")

    def path(self, user: str, server: str = "") -> str:
        """Return the path of a server in the hub's API."""
        return f"users/{user}/servers/{server}" if server else f"users/{user}/server"

    @contextmanager
    def browser(self, user: str) -> Iterator[httpx.Client]:
        """Be *user*, signed in, with a browser."""
        # Pages send only those to sign in who take HTML.
        takes = {"Accept": "text/html"}
        with httpx.Client(base_url=self.url, follow_redirects=True, timeout=60, headers=takes) as browser:
            browser.get("/hub/login")
            form = {"_xsrf": browser.cookies["_xsrf"], "username": user, "password": "-"}
            assert "/hub/home" == browser.post("/hub/login?next=%2Fhub%2Fhome", data=form).url.path
            yield browser


def me(browser: httpx.Client) -> dict[str, Any]:
    """Return what the usage page knows of who is signed in."""
    browser.get("/services/quota/").raise_for_status()
    known: dict[str, Any] = browser.get("/services/quota/api/me").raise_for_status().json()
    return known
