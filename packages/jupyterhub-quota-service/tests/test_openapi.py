"""The description of the API holds, whatever is asked: made-up questions by schemathesis, to the running service."""

import asyncio

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection

from jupyterhub_quota_service.settings import READ_ALL, READ_METRICS, RELEASE

from .conftest import ACCESS

# The same questions in each run, and few: there is a hub behind each of them.
FEW = settings(max_examples=15, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "not allowed"])
async def test_every_answer_is_as_described(world, mode):
    """Status, type and content of each answer, also to what is no parameter; without a token there is none."""
    await world.used("ann", 50, server="=1+1", running=2)
    await world.join("ann", "regular")
    token = await world.token("chief", ACCESS, READ_ALL, READ_METRICS, RELEASE)
    document = (await world.client(token).get("api/openapi.json")).json()
    headers = {"Authorization": f"Bearer {token}"}
    asked = []

    def ask(operation) -> None:
        """Ask many times about one route."""

        @FEW
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case) -> None:
            # A parameter that nobody knows is no mistake: nobody reads it.
            unread = [negative_data_rejection] if mode is GenerationMode.NEGATIVE and not operation.body else []
            url = world.url.rstrip("/")
            case.call_and_validate(base_url=url, headers=headers, timeout=60, excluded_checks=unread)
            asked.append(operation.path)

        check()

    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.POSITIVE or operation.query or operation.body:
            # In a thread, since the service answers in this one.
            await asyncio.to_thread(ask, operation)

    described = {
        path for path, methods in document["paths"].items() if mode is GenerationMode.POSITIVE or more(methods)
    }
    assert described == set(asked)


def more(methods) -> bool:
    """Return whether anything can be said to a route besides its path."""
    (operation,) = methods.values()
    return "requestBody" in operation or any(each["in"] == "query" for each in operation.get("parameters", []))
