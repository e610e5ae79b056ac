"""What the service is told by its environment. Secrets come in files, and from the hub."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from jupyterhub_quota import Access, InputError, Request
from jupyterhub_quota_service.figures import ListedSize

READ_ALL = "custom:jupyterhub-quota:read-all"
READ_METRICS = "custom:jupyterhub-quota:read-metrics"
RELEASE = "custom:jupyterhub-quota:release-brake"


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Everything that may differ between two services.

    Attributes:
        policy_file: the policy; None where *policy* is the policy itself, as Python data.
        policy: see there.
        ledger_url: where sessions are recorded.
        access: how Prometheus lets us in.
        namespace: of the hub's pods, where one Prometheus serves several hubs.
        sizes: of servers that the admin lists.
        gpu_resources: names of the resources that are GPUs; empty for the usual ones.
        api_url: the hub's API, as this process reaches it.
        api_token: the service's own token.
        name: the service's name in the hub.
        prefix: path of the service, with a slash at both ends.
        hub_prefix: path of the hub, with a slash at both ends.
        hub_host: address of the hub's pages where it is not that of the service; empty otherwise.
        client_id: of OAuth.
        callback: path or address to which OAuth comes back.
        access_scopes: one of which lets people in.
        host: where to listen; empty means on all addresses.
        port: where to listen.
        https: whether browsers come over TLS, as far as is known beforehand.
        ends_with_parent: whether to end when the process ends that started this one, as a hub does that is killed.
        timeout_seconds: how long one user's answer may take.
        round_seconds: how often running servers are looked at.
    """

    policy_file: Path | None
    policy: Mapping[str, object] | None
    ledger_url: str
    access: Access
    namespace: str
    sizes: tuple[ListedSize, ...]
    api_url: str
    api_token: str
    name: str
    prefix: str
    hub_prefix: str
    hub_host: str
    client_id: str
    callback: str
    access_scopes: frozenset[str]
    host: str
    port: int
    https: bool
    gpu_resources: tuple[str, ...] = ()
    ends_with_parent: bool = False
    timeout_seconds: float = 5.0
    round_seconds: float = 60.0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Settings":
        """
        Return what *environment* says.

        Raises:
            InputError: something is missing or cannot be read; names the variable and what to write.
        """

        def ours(name: str, default: str = "") -> str:
            return environment.get(f"JUPYTERHUB_QUOTA_{name}", "") or default

        def hubs(name: str, default: str = "") -> str:
            return environment.get(f"JUPYTERHUB_{name}", "") or default

        def path(name: str) -> Path | None:
            return Path(ours(name)) if ours(name) else None

        name = hubs("SERVICE_NAME", "quota")
        for needed, what in (
            ("JUPYTERHUB_API_TOKEN", "the token of the service, as the hub knows it"),
            ("JUPYTERHUB_API_URL", "the address of the hub's API, for example http://127.0.0.1:8081/hub/api"),
            ("JUPYTERHUB_QUOTA_LEDGER_URL", "where sessions are recorded, for example sqlite:////srv/quota.sqlite"),
        ):
            if not environment.get(needed):
                raise InputError(f"{needed} is not set; it says {what}")
        if not ours("POLICY") and not ours("POLICY_FILE"):
            raise InputError("JUPYTERHUB_QUOTA_POLICY_FILE is not set; it is the path of the policy")
        prefix = _slashed(hubs("SERVICE_PREFIX", f"/services/{name}/"))
        host, port = _listens(hubs("SERVICE_URL", "http://127.0.0.1:10101"))
        scopes = _json("JUPYTERHUB_OAUTH_ACCESS_SCOPES", hubs("OAUTH_ACCESS_SCOPES"))
        return cls(
            policy_file=path("POLICY_FILE"),
            policy=_mapping("JUPYTERHUB_QUOTA_POLICY", ours("POLICY")),
            ledger_url=ours("LEDGER_URL"),
            access=Access(
                username=ours("LEDGER_USERNAME"),
                password_file=path("LEDGER_PASSWORD_FILE"),
                token_file=path("LEDGER_TOKEN_FILE"),
                ca_file=path("LEDGER_CA_FILE"),
                username_file=path("LEDGER_USERNAME_FILE"),
            ),
            namespace=ours("NAMESPACE"),
            sizes=sizes_of(_json("JUPYTERHUB_QUOTA_SIZES", ours("SIZES"))),
            api_url=hubs("API_URL"),
            api_token=hubs("API_TOKEN"),
            name=name,
            prefix=prefix,
            hub_prefix=_slashed(hubs("BASE_URL", "/")) + "hub/",
            hub_host=hubs("HOST"),
            client_id=hubs("CLIENT_ID", f"service-{name}"),
            callback=hubs("OAUTH_CALLBACK_URL", f"{prefix}oauth_callback"),
            access_scopes=frozenset(scopes if isinstance(scopes, list) and scopes else [_access(name)]),
            host=host,
            port=port,
            https=hubs("PUBLIC_URL").startswith("https://"),
            gpu_resources=_names("JUPYTERHUB_QUOTA_GPU_RESOURCES", ours("GPU_RESOURCES")),
            ends_with_parent=bool(ours("ENDS_WITH_PARENT")),
            round_seconds=_seconds("JUPYTERHUB_QUOTA_ROUND_SECONDS", ours("ROUND_SECONDS", "60")),
        )


def sizes_of(listed: object) -> tuple[ListedSize, ...]:
    """
    Return the sizes that a list of objects with `name`, `memory` (bytes), `cpu` (cores) and `gpu` (devices) says.

    Raises:
        InputError: it is something else.
    """
    example = 'write for example [{"name": "Small", "memory": 4294967296, "cpu": 1}]'
    if listed is None:
        return ()
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise InputError(f"JUPYTERHUB_QUOTA_SIZES is not a list of objects; {example}")
    try:
        return tuple(
            ListedSize(str(each["name"]), Request(**{key: float(n) for key, n in each.items() if key != "name"}))
            for each in listed
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"JUPYTERHUB_QUOTA_SIZES: a size has a name, and numbers for memory, cpu and gpu; {example}"
        ) from error


def _access(name: str) -> str:
    return f"access:services!service={name}"


def _slashed(path: str) -> str:
    return f"/{path.strip('/')}/" if path.strip("/") else "/"


def _listens(url: str) -> tuple[str, int]:
    """Where to listen so that the proxy reaches *url*. A name is one of a machine that may have several addresses."""
    try:
        parts = urlsplit(url)
        port = parts.port or 10101
    except ValueError as error:
        raise InputError("JUPYTERHUB_SERVICE_URL is no address; write for example http://127.0.0.1:10101") from error
    host = parts.hostname or ""
    literal = host == "localhost" or ":" in host or host.replace(".", "").isdigit()
    return host if literal else "", port


def _json(name: str, text: str) -> object:
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise InputError(f"{name} is not JSON") from error


def _seconds(name: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise InputError(f"{name} is no number of seconds above 0; write for example 60")
    return seconds


def _names(name: str, text: str) -> tuple[str, ...]:
    found = _json(name, text)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise InputError(f'{name} is not a list of names; write for example ["nvidia.com/gpu"]')
    return tuple(found)


def _mapping(name: str, text: str) -> Mapping[str, object] | None:
    found = _json(name, text)
    if found is not None and not isinstance(found, dict):
        raise InputError(f"{name} is not a JSON object; it is the policy itself")
    return found
