"""The description of the API, made from the models. Pure."""

from dataclasses import dataclass
from typing import Any

from pydantic.json_schema import models_json_schema

from jupyterhub_quota_service import models as m
from jupyterhub_quota_service import models_admin as a
from jupyterhub_quota_service import models_history as h
from jupyterhub_quota_service.running import models as r
from jupyterhub_quota_service.settings import READ_ALL, READ_METRICS, RELEASE
from jupyterhub_quota_service.view_admin import MOST_USERS, SORTS

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One path, and what it answers: *csv* where that can be a spreadsheet, *scopes* that it needs, *body* to send."""

    path: str
    summary: str
    model: type[m.Model] | None
    csv: bool = False
    scopes: tuple[str, ...] = ()
    public: bool = False
    parameters: tuple[Json, ...] = ()
    body: type[m.Model] | None = None


def _query(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


NAME: Json = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "The user's name.",
    "schema": {"type": "string", "minLength": 1},
}

PAGE: tuple[Json, ...] = (
    _query("offset", {"type": "integer", "minimum": 0, "maximum": 10**9, "default": 0}, "Where the page begins."),
    _query("limit", {"type": "integer", "minimum": 1, "maximum": MOST_USERS, "default": 100}, "How many a page holds."),
    _query("sort", {"enum": list(SORTS), "default": "share"}, "By what."),
    _query("order", {"enum": ["asc", "desc"]}, "In which direction; names from a to z, all else the most first."),
    _query("search", {"type": "string"}, "Only users with this in their name."),
    _query("group", {"type": "string"}, "Only users in this group."),
    _query("over", {"type": "number", "minimum": 0, "maximum": 10**6}, "Only users with so many percent used."),
)

ROUTES = (
    Route("api/me", "All about who asks.", m.Me),
    Route("api/me/days", "What who asks used on which day.", h.Days, csv=True),
    Route("api/me/sessions", "The servers of who asks.", h.Sessions, csv=True),
    Route("api/users", "One page of everybody.", a.Users, csv=True, scopes=(READ_ALL,), parameters=PAGE),
    Route("api/users/{name}", "What one user sees.", m.Me, scopes=(READ_ALL,), parameters=(NAME,)),
    Route("api/users/{name}/days", "What one user used on which day.", h.Days, True, (READ_ALL,), parameters=(NAME,)),
    Route("api/users/{name}/sessions", "The servers of one user.", h.Sessions, True, (READ_ALL,), parameters=(NAME,)),
    Route("api/groups", "Who gets what, and uses how much of it.", a.Groups, scopes=(READ_ALL,)),
    Route("api/totals", "What everybody used together.", a.Totals, scopes=(READ_ALL,)),
    Route("api/policy", "The policy that is in force.", a.PolicyInForce, scopes=(READ_ALL,)),
    Route("api/running", "Which servers end when, and what was done.", r.RunningServers, scopes=(READ_ALL,)),
    Route(
        "api/running/release",
        "Let servers go from the brake in the next round.",
        r.Released,
        scopes=(READ_ALL, RELEASE),
        body=r.Release,
    ),
    Route("healthz", "Whether the service answers.", m.Health, public=True),
    Route("metrics", "Everybody's usage for Prometheus.", None, scopes=(READ_METRICS,)),
)

FORMAT = _query("format", {"enum": ["json", "csv"], "default": "json"}, "As JSON or as a spreadsheet.")


def document(prefix: str) -> Json:
    """Return the API below the path *prefix*, as OpenAPI 3.1."""
    answers = {route.model for route in ROUTES if route.model is not None} | {m.Problem}
    bodies = {route.body for route in ROUTES if route.body is not None}
    _, schemas = models_json_schema(
        [
            *((model, "serialization") for model in sorted(answers, key=lambda model: model.__name__)),
            *((model, "validation") for model in sorted(bodies, key=lambda model: model.__name__)),
        ],
        ref_template="#/components/schemas/{model}",
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "jupyterhub-quota-service",
            "version": "1",
            "description": "What users of a JupyterHub have used of their quotas, and what is left.",
        },
        "servers": [{"url": prefix.rstrip("/") or "/"}],
        "paths": {f"/{route.path}": {"get" if route.body is None else "post": _operation(route)} for route in ROUTES},
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of the hub."},
            },
        },
    }


def _operation(route: Route) -> Json:
    answer: Json = {"text/plain": {"schema": {"type": "string"}}}
    if route.model is not None:
        answer = {"application/json": {"schema": _ref(route.model)}}
    if route.csv:
        answer["text/csv"] = {"schema": {"type": "string"}}
    wrong = {"application/json": {"schema": _ref(m.Problem)}}
    described = {"401": "Not signed in.", "403": "Not allowed.", "503": "The hub does not answer."}
    if route.parameters or route.csv:
        described["400"] = "A parameter cannot be read."
    if route.body is not None:
        described["400"] = "The body cannot be read."
    if NAME in route.parameters:
        described["404"] = "There is no such user."
    failures = {status: {"description": text, "content": wrong} for status, text in sorted(described.items())}
    found: Json = {
        "summary": route.summary,
        "operationId": route.path.replace("/", "-").replace("{", "").replace("}", ""),
        "responses": {"200": {"description": "The answer.", "content": answer}} | ({} if route.public else failures),
    }
    if route.parameters or route.csv:
        found["parameters"] = [*route.parameters, *([FORMAT] if route.csv else [])]
    if route.body is not None:
        found["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(route.body)}}}
    if not route.public:
        found["security"] = [{"token": []}]
    if route.scopes:
        found["description"] = f"Needs the scope{'s' * (len(route.scopes) > 1)} {' and '.join(route.scopes)}."
    return found


def _ref(model: type[m.Model]) -> Json:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
