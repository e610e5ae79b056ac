"""Start the service: `jupyterhub-quota-service`, or `python -m jupyterhub_quota_service`."""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys

from jupyterhub_quota import QuotaError
from jupyterhub_quota_service.app import make_service
from jupyterhub_quota_service.settings import Settings

DESCRIPTION = """
Show users of a JupyterHub what they have used of their quotas, and admins everybody. A service of the hub: everything
is set by environment variables, which docs/service.md lists; a hub that starts it sets those that begin with
JUPYTERHUB_ itself.
"""

# So often it is looked whether the hub is still there.
LOOK_SECONDS = 0.5

# Everybody's figures are read and made in threads. Who asks meanwhile gets a turn after so long, instead of after
# Python's five milliseconds each time.
TURN_SECONDS = 0.0005
# They are values by the hundred thousand, and no cycles. Python looks for cycles among what is new, which is quick, and
# hardly ever among all that is there, which holds up everybody.
COLLECT_AFTER = (10_000, 1000, 10)

log = logging.getLogger(__name__)


def main() -> int:
    """Run until told to stop; return the exit code."""
    argparse.ArgumentParser(prog="jupyterhub-quota-service", description=DESCRIPTION).parse_args()
    logging.basicConfig(format="[%(levelname)1.1s %(asctime)s %(name)s] %(message)s", level=logging.INFO)
    # It names every address it asks, and that is once a minute.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    sys.setswitchinterval(TURN_SECONDS)
    gc.set_threshold(*COLLECT_AFTER)
    try:
        asyncio.run(_run(Settings.of(os.environ)))
    except (QuotaError, OSError) as error:
        print(f"jupyterhub-quota-service: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(settings: Settings) -> None:
    service = await make_service(settings)
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    server = service.listen()
    orphaned = asyncio.create_task(_orphaned(stop)) if settings.ends_with_parent else None
    log.info("Listening on port %d of %s, below %s", settings.port, settings.host or "all addresses", settings.prefix)
    try:
        await stop.wait()
    finally:
        if orphaned is not None:
            orphaned.cancel()
        server.stop()
        await server.close_all_connections()
        await service.close()


async def _orphaned(stop: asyncio.Event) -> None:
    """Say *stop* when the process is gone that started this one."""
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(LOOK_SECONDS)
    log.warning("The hub that started this service is gone, so the service ends")
    stop.set()


if __name__ == "__main__":
    sys.exit(main())
