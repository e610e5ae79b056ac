"""What will this spawner ask for."""

import math
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from jupyterhub_quota import Request

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]+)|([numkMGTPE]|[KMGTPE]i))?")
_SUFFIXES: dict[str | None, float] = {
    None: 1.0,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    **{letter: 1000.0 ** (i + 2) for i, letter in enumerate("MGTPE")},
    **{f"{letter}i": 1024.0 ** (i + 1) for i, letter in enumerate("KMGTPE")},
}


async def apply_options(spawner: Any) -> None:
    """
    Apply what the user chose, as KubeSpawner does only after the pre-spawn hook.

    Once only: a callable override must not run twice. Whatever the spawner raises for options that it does not take, it
    would have raised a moment later.
    """
    if hasattr(spawner, "load_user_options"):
        await spawner.load_user_options()
        spawner.load_user_options = _nothing


def request_of(spawner: Any, gpu_resources: Iterable[str]) -> Request:
    """
    Return what the server that *spawner* is about to start will hold.

    What counts is what Kubernetes reserves: for each regular container the guarantee, else the limit.

    Args:
        spawner: any JupyterHub spawner, in its pre-spawn hook, with its options applied.
        gpu_resources: names of the resources that are GPUs, `*` for any text.

    Raises:
        ValueError: a size that is none.
    """
    extras = _effective(
        getattr(spawner, "extra_resource_guarantees", None) or {}, getattr(spawner, "extra_resource_limits", None) or {}
    )
    containers = [_container_resources(container) for container in _containers(spawner)]
    gpu_resources = tuple(gpu_resources)
    return Request(
        memory=_size(spawner.mem_guarantee, spawner.mem_limit) + _sum(containers, ("memory",)),
        cpu=_size(spawner.cpu_guarantee, spawner.cpu_limit) + _sum(containers, ("cpu",)),
        gpu=_sum([extras, *containers], gpu_resources),
    )


def quantity(value: object) -> float:
    """
    Return a Kubernetes quantity as a number: 1, "1", "500m", "4Gi".

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    elif isinstance(value, str) and (found := _QUANTITY.fullmatch(value.strip())):
        number = float(found[1]) * 10.0 ** int(found[2] or 0) * _SUFFIXES[found[3]]
    else:
        raise ValueError(f"{value!r} is no amount of a resource; write for example '1', '500m' or '4Gi'")
    if not math.isfinite(number) or number < 0:
        raise ValueError(f"{value!r} is no amount of a resource; it must be at least 0")
    return number


async def _nothing() -> None:
    """Stand in for options that are loaded already."""


def _size(guarantee: object, limit: object) -> float:
    chosen = guarantee if guarantee is not None else limit
    return 0.0 if chosen is None else quantity(chosen)


def _effective(requests: Mapping[str, object], limits: Mapping[str, object]) -> dict[str, float]:
    return {name: quantity(value) for name, value in {**limits, **requests}.items()}


def _containers(spawner: Any) -> Iterable[Mapping[str, Any]]:
    """Containers that run beside the user's."""
    containers = getattr(spawner, "extra_containers", None) or []
    return containers.values() if isinstance(containers, Mapping) else containers


def _container_resources(container: Mapping[str, Any]) -> dict[str, float]:
    resources = container.get("resources") or {}
    return _effective(resources.get("requests") or {}, resources.get("limits") or {})


def _sum(parts: Iterable[Mapping[str, float]], names: tuple[str, ...]) -> float:
    return math.fsum(
        amount for part in parts for name, amount in part.items() if any(fnmatchcase(name, wanted) for wanted in names)
    )
