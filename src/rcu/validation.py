"""Validation failures told without the values that failed.

Pydantic's errors hold the input, and some of its sentences quote it. Here a failure keeps its
place and its kind; its sentence is kept only when it can hold nothing but limits of the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from rcu.errors import FieldError, FieldValueError

MAX_REPORTED_ERRORS: Final = 50

_SAFE_SENTENCES: Final = frozenset(
    {
        "missing",
        "none_required",
        "bool_type",
        "bool_parsing",
        "date_type",
        "date_from_datetime_inexact",
        "date_future",
        "date_past",
        "datetime_type",
        "datetime_future",
        "datetime_past",
        "decimal_max_digits",
        "decimal_max_places",
        "decimal_parsing",
        "decimal_type",
        "decimal_whole_digits",
        "dict_type",
        "enum",
        "finite_number",
        "float_parsing",
        "float_type",
        "greater_than",
        "greater_than_equal",
        "int_from_float",
        "int_parsing",
        "int_type",
        "less_than",
        "less_than_equal",
        "list_type",
        "literal_error",
        "mapping_type",
        "missing_argument",
        "model_attributes_type",
        "model_type",
        "multiple_of",
        "string_pattern_mismatch",
        "string_too_long",
        "string_too_short",
        "string_type",
        "string_unicode",
        "time_type",
        "timezone_aware",
        "timezone_naive",
        "timezone_offset",
        "too_long",
        "too_short",
        "tuple_type",
        "union_tag_not_found",
        "uuid_type",
        "uuid_version",
    }
)
"""Kinds of error whose sentence is made of the schema alone (Pydantic 2.14, `list_errors`)."""

_SENTENCES: Final = {
    "date_parsing": "Input should be a valid date in the form YYYY-MM-DD",
    "date_from_datetime_parsing": "Input should be a valid date in the form YYYY-MM-DD",
    "datetime_parsing": "Input should be a valid date and time, such as 2025-03-01T10:20:30+01:00",
    "datetime_from_date_parsing": (
        "Input should be a valid date and time, such as 2025-03-01T10:20:30+01:00"
    ),
    "extra_forbidden": "There is no such field",
    "int_parsing_size": "Input is too large a number",
    "union_tag_invalid": "Input does not name a known kind",
    "uuid_parsing": "Input should be a valid UUID",
}
_FALLBACK_SENTENCE: Final = "Input is not valid"

_SCHEMA_LIKE_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)

Location = Literal["body", "query", "path", "header"]


def field_errors(
    errors: Iterable[Mapping[str, Any]], body: object, *, location: Location = "body"
) -> list[FieldError]:
    """Return Pydantic's `errors` of `body` without its values, the first ones only if many."""
    told: list[FieldError] = []
    for error in errors:
        told.append(
            FieldError(
                field=_pointer(error["loc"], body, missing=error["type"] == "missing"),
                reason=_reason(error),
                code=str(error["type"]),
                location=location,
            )
        )
        if len(told) == MAX_REPORTED_ERRORS:
            break
    return told


def json_pointer(path: Sequence[str | int]) -> str:
    """Return the JSON pointer of `path`, with keys that are no plain word left out as `*`.

    A key is text from the sender, and might be an e-mail address.
    """
    return "".join(f"/{_told(part)}" for part in path)


def _told(part: str | int) -> str:
    if isinstance(part, int) or _SCHEMA_LIKE_KEY.fullmatch(part):
        return str(part)
    return "*"


def _pointer(place: Sequence[str | int], body: object, *, missing: bool) -> str:
    """Follow Pydantic's `loc` in the body, skipping its names of union members and validators."""
    path: list[str | int] = []
    here = body
    for position, part in enumerate(place):
        if (isinstance(here, Mapping) and part in here) or _indexes(here, part):
            here = here[part]  # type: ignore[index]
            path.append(part)
        elif missing and position == len(place) - 1:
            path.append(part)
    return json_pointer(path)


def _indexes(container: object, part: str | int) -> bool:
    return isinstance(container, list) and isinstance(part, int) and part < len(container)


def _reason(error: Mapping[str, Any]) -> str:
    kind = error["type"]
    if kind in _SAFE_SENTENCES:
        return str(error["msg"])
    if kind == "value_error":
        cause = error.get("ctx", {}).get("error")
        return str(cause) if isinstance(cause, FieldValueError) else _FALLBACK_SENTENCE
    return _SENTENCES.get(kind, _FALLBACK_SENTENCE)
