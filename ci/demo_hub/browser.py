"""A browser without a screen: signs in, fills in the form, follows the start, as a person's would."""

import json
import re
import time
from typing import Any

import httpx

PATIENCE_SECONDS = 60


class Browser:
    """Somebody who is signed in to the hub at *url*."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.user = user
        # The quota page sends only those to sign in who take HTML.
        takes = {"Accept": "text/html, */*"}
        self._http = httpx.Client(
            base_url=url, follow_redirects=True, timeout=PATIENCE_SECONDS, trust_env=False, headers=takes
        )
        self.get("/hub/login")
        form = {"username": user, "password": password, "_xsrf": self._xsrf}
        self._http.post("/hub/login", params={"next": "/hub/home"}, data=form).raise_for_status()

    def get(self, path: str) -> httpx.Response:
        """Open a page."""
        return self._http.get(path)

    def choices(self) -> list[str]:
        """Return the sizes in the form."""
        return re.findall(r'name="size" value="(\w+)"', self.get(f"/hub/spawn/{self.user}").text)

    def choose(self, size: str) -> httpx.Response:
        """Send the form, and return the page that follows."""
        self.get(f"/hub/spawn/{self.user}")
        return self._http.post(f"/hub/spawn/{self.user}", data={"size": size, "_xsrf": self._xsrf})

    def progress(self) -> list[dict[str, Any]]:
        """Return the events of the start up to its end, as the page of a starting server reads them."""
        path = f"/hub/api/users/{self.user}/server/progress"
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with self._http.stream("GET", path, params={"_xsrf": self._xsrf}) as stream:
                # While the hub cleans up after a start that failed, it says for a moment that there is none.
                if stream.status_code != httpx.codes.BAD_REQUEST or time.monotonic() > deadline:
                    stream.raise_for_status()
                    return [
                        json.loads(line[len("data: ") :]) for line in stream.iter_lines() if line.startswith("data: ")
                    ]
            time.sleep(0.1)

    def services(self) -> dict[str, str]:
        """Return the paths of the services in the hub's menu, by name."""
        menu = re.findall(r'<a class="dropdown-item" href="([^"]+)">([^<]+)</a>', self.get("/hub/home").text)
        return {name: path for path, name in menu}

    def stop(self) -> None:
        """Stop the server, and wait until it has ended."""
        path = f"/hub/api/users/{self.user}/server"
        deadline = time.monotonic() + PATIENCE_SECONDS
        # 204: it has ended. 202: not yet.
        while self._http.delete(path, headers={"X-XSRFToken": self._xsrf}).status_code != httpx.codes.NO_CONTENT:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the server of {self.user} did not stop")
            time.sleep(0.5)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    @property
    def _xsrf(self) -> str:
        """The token that the hub's forms carry; servers have cookies of their own."""
        return next((c.value or "" for c in self._http.cookies.jar if c.name == "_xsrf" and c.path == "/hub/"), "")
