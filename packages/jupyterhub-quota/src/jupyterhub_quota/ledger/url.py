"""From an address to a ledger."""

from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from jupyterhub_quota.errors import InputError
from jupyterhub_quota.ledger.api import Access
from jupyterhub_quota.ledger.prometheus import GPU_RESOURCES, PrometheusLedger
from jupyterhub_quota.ledger.protocol import Ledger
from jupyterhub_quota.ledger.sqlite import SqliteLedger


def open_ledger(
    url: str,
    *,
    create: bool = False,
    access: Access | None = None,
    namespace: str = "",
    gpu_resources: Iterable[str] = GPU_RESOURCES,
    timeout_seconds: float = 5.0,
    history: bool = True,
) -> Ledger:
    """
    Return the ledger at *url*. Nothing is read or connected yet.

    Args:
        url: `sqlite:///relative/path` or `sqlite:////absolute/path`, as JupyterHub writes the address of its database;
            or `http://…` or `https://…`, where Prometheus, or what speaks the same API, answers.
        create: whether a SQLite ledger that is not there is made when something is first written.
        access: how Prometheus lets us in.
        namespace: of the hub's pods, where one Prometheus serves several hubs.
        gpu_resources: names of the resources that are GPUs, as pods ask for them; `*` stands for any text.
        timeout_seconds: how long one question to Prometheus may take.
        history: whether to read the names of servers that have ended, too, which decisions do not need.

    Raises:
        InputError: no ledger is known by this kind of address.
    """
    example = "write for example 'sqlite:///quota.sqlite' or 'http://prometheus:9090'"
    # The address may hold a password, so it is not repeated, nor is the cause, which would.
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InputError(f"ledger: the address cannot be read; {example}") from None
    if parts.scheme == "sqlite" and not parts.netloc and parts.path.strip("/"):
        return SqliteLedger(unquote(parts.path.removeprefix("/")), create=create)
    if parts.scheme in {"http", "https"}:
        return PrometheusLedger(
            url,
            access=access,
            namespace=namespace,
            gpu_resources=gpu_resources,
            timeout_seconds=timeout_seconds,
            history=history,
        )
    kind = f"'{parts.scheme}://'" if parts.scheme else "an address without '://'"
    raise InputError(f"ledger: {kind} is no kind of ledger; {example}")
