"""The description of the API, with the problems and the keys that its operations share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts

from rcu.access.authorisation import ScopeRequirement
from rcu.access.errors import InsufficientScopeError, NotAuthenticatedError
from rcu.db.errors import DatabaseUnavailableError
from rcu.errors import RcuError, ValidationFailedError, problems
from rcu.http.errors import (
    BodyTooLargeError,
    MalformedRequestError,
    UnexpectedError,
    UnsupportedMediaTypeError,
)
from rcu.http.problems import Problem
from rcu.http.queries import STRICT_PREFIX

if TYPE_CHECKING:
    from fastapi import FastAPI

DESCRIPTION: Final = """\
One client, one lasting id, from tills, e-shop, app and loyalty programme.

Send an API key with each request: `Authorization: Bearer rcu_...`. Every error is a problem
document (RFC 9457, `application/problem+json`) with a stable `type`. Personal data never stands
in an address: look-ups are `POST`. Unknown fields and query parameters are refused, and times and
days are taken as ISO 8601 writes them, so that nothing misspelt is passed over.
"""

TAGS: Final = [
    {"name": "Ingestion", "description": "Messages of the sources: each is taken once, for ever."},
    {"name": "Parked messages", "description": "Accepted messages that wait for something."},
    {"name": "Tickets", "description": "Whose a ticket is, claims, and the story of an order."},
    {"name": "Clients", "description": "One person, assembled from all their source records."},
    {
        "name": "Stewardship",
        "description": "What people decide of clients, and undoing.",
    },
    {"name": "Explanations", "description": "Why, why not, and how: evidence step by step."},
    {"name": "Loyalty", "description": "Points: earned by tickets, spent here; the programme."},
    {"name": "Consents", "description": "What people said of each purpose: the proof."},
    {"name": "Analytics", "description": "The attach rate, and the tickets behind each figure."},
    {"name": "Models", "description": "Which model decides, and what another would change."},
    {"name": "Stores", "description": "The places that sell."},
    {"name": "Sources", "description": "The systems that send."},
    {"name": "Operations", "description": "Health and figures of the service."},
]

_SCHEME: Final = "api_key"
_BODY_ERRORS: Final[tuple[type[RcuError], ...]] = (
    MalformedRequestError,
    BodyTooLargeError,
    UnsupportedMediaTypeError,
    ValidationFailedError,
)
_REF: Final = "#/components/schemas/{model}"


def required_scopes(dependant: Dependant) -> Iterator[str]:
    """Yield the scopes that a route asks of its caller's key."""
    for inner in dependant.dependencies:
        if isinstance(inner.call, ScopeRequirement):
            yield inner.call.scope.value
        yield from required_scopes(inner)


def api_routes(app: FastAPI) -> Iterator[tuple[str, str, APIRoute, Dependant]]:
    """Yield method, path template, route and dependencies of each operation."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute):
            for method in sorted(context.methods or ()):
                yield method, context.path_format or "", route, context.dependant


def describe_api(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the service."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
        license_info=app.license_info,
        separate_input_output_schemas=app.separate_input_output_schemas,
    )
    schemas: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    for default in ("HTTPValidationError", "ValidationError"):
        schemas.pop(default, None)
    schemas.update(_problem_schemas())
    document["components"]["securitySchemes"] = {
        _SCHEME: {"type": "http", "scheme": "bearer", "description": "An API key, `rcu_...`."}
    }
    for method, path, route, dependant in api_routes(app):
        operation = document["paths"].get(path, {}).get(method.lower())
        if operation is not None:
            scopes = sorted(required_scopes(dependant))
            _complete(operation, route, scopes, is_strict=path.startswith(STRICT_PREFIX))
    return document


def _problem_schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template=_REF)
    return {**schema.pop("$defs"), "Problem": schema}


def _complete(
    operation: dict[str, Any], route: APIRoute, scopes: list[str], *, is_strict: bool
) -> None:
    """Add to one operation what it shares with the others."""
    shared: list[type[RcuError]] = [UnexpectedError, DatabaseUnavailableError]
    if route.body_field is not None:
        shared += _BODY_ERRORS
    elif is_strict or "422" in operation["responses"]:
        shared.append(ValidationFailedError)
    if scopes:
        shared += [NotAuthenticatedError, InsufficientScopeError]
        operation["security"] = [{_SCHEME: scopes}]
        needs = ", ".join(f"`{scope}`" for scope in scopes)
        operation["description"] = f"{operation.get('description', '')}\n\nNeeds {needs}.".strip()
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    for status, response in problems(*shared).items():
        _merge(responses, str(status), response)
    operation["responses"] = dict(sorted(responses.items()))


def _merge(responses: dict[str, Any], status: str, response: dict[str, Any]) -> None:
    own = responses.setdefault(status, response)
    if own is not response:
        for media_type, content in response["content"].items():
            there = own.setdefault("content", {}).setdefault(media_type, content)
            there["examples"] = content["examples"] | there.get("examples", {})
