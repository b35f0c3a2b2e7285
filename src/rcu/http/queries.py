"""Refuses query parameters that an operation does not take, so that a misspelt one is not lost.

Bodies refuse unknown fields by their schemas; FastAPI passes unknown parameters over. Pages and
the probes of the machinery around the service let anything pass: what calls them adds its own.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from pydantic import BaseModel

from rcu.errors import FieldError, ValidationFailedError
from rcu.spelling import nearest
from rcu.validation import MAX_REPORTED_ERRORS, json_pointer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.dependencies.models import Dependant
    from fastapi.routing import RouteContext

STRICT_PREFIX: Final = "/v1/"
"""Of the paths below which unknown parameters are refused."""


def query_parameters(context: RouteContext) -> frozenset[str] | None:
    """Return the names that a route takes in the query, or None when it may be given any."""
    if not (context.path or "").startswith(STRICT_PREFIX):
        return None
    described = (context.openapi_extra or {}).get("parameters", ())
    by_hand = {parameter["name"] for parameter in described if parameter["in"] == "query"}
    return frozenset(by_hand.union(_declared(context.dependant)))


def _declared(dependant: Dependant) -> Iterator[str]:
    """Yield the parameters that a function and its dependencies declare, or a model for them."""
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (field.alias or name for name, field in model.model_fields.items())
        else:
            yield parameter.alias
    for inner in dependant.dependencies:
        yield from _declared(inner)


def refuse_unknown_parameters(query_string: bytes, known: frozenset[str]) -> None:
    """Raise `ValidationFailedError` when the query holds a parameter that is not `known`."""
    sent = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    unknown = {name: None for name, _ in sent if name not in known}
    if unknown:
        raise ValidationFailedError(
            [_unknown(name, known) for name in islice(unknown, MAX_REPORTED_ERRORS)]
        )


def _unknown(name: str, known: frozenset[str]) -> FieldError:
    """Tell of a parameter that is none; its name only where it can be no person's data."""
    if known:
        names = sorted(known)
        reason = "There is no such parameter." + (
            nearest(name.lower(), names) or f" There are {', '.join(names)}."
        )
    else:
        reason = "There are no parameters here"
    return FieldError(
        field=json_pointer([name]).removeprefix("/"),
        reason=reason,
        code="extra_forbidden",
        location="query",
    )
