"""Reads a JSON body within bounds, before anything else sees it.

Checked here, once for every operation: size after unzipping, depth, number of members, length
of strings, duplicate keys (two readers of one message must not read two things), and the
characters that PostgreSQL cannot store (NUL, lone surrogates). The usual small message is
cleared by counting bytes; its values are walked only when the counts do not settle the matter.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from rcu.errors import FieldError, ValidationFailedError
from rcu.http.errors import BodyTooLargeError, MalformedRequestError
from rcu.validation import json_pointer

MAX_STRING_LENGTH: Final = 65_536
"""In characters; schemas are far stricter, this bounds what free attributes may hold."""

_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
_MAX_GZIP_MEMBERS: Final = 16
_ESCAPED_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """Bounds of a JSON body."""

    max_bytes: int
    max_depth: int
    max_keys: int


def gunzip(body: bytes, *, max_bytes: int) -> bytes:
    """Return `body` unzipped, never holding more than `max_bytes` of it."""
    parts: list[bytes] = []
    room = max_bytes
    for _ in range(_MAX_GZIP_MEMBERS):
        reader = zlib.decompressobj(_GZIP_WINDOW)
        try:
            part = reader.decompress(body, room + 1)
        except zlib.error:
            raise MalformedRequestError("The body is not gzip.") from None
        if len(part) > room:
            raise BodyTooLargeError(max_bytes)
        if not reader.eof:
            break
        parts.append(part)
        room -= len(part)
        body = reader.unused_data
        if not body:
            return b"".join(parts)
    raise MalformedRequestError("The body is cut-off gzip, or gzip in too many pieces.")


def read_json(body: bytes, limits: JsonLimits) -> Any:
    """Return the value of a JSON body that keeps within `limits`.

    Raises `MalformedRequestError` when it is not JSON, `ValidationFailedError` naming the field
    when it is but is out of bounds.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if _ESCAPED_SURROGATE.search(body):
            _refuse_lone_surrogate(body)
        raise MalformedRequestError(
            f"The body is not JSON in UTF-8: line {error.lineno}, column {error.colno}."
        ) from None
    _check_shape(value, body, limits)
    if b"\\u0000" in body:
        _refuse_at(_find(value, lambda text: "\0" in text), "Holds the character NUL", "nul")
    if orjson.dumps(value).count(b":") != body.count(b":"):
        # A colon is missing: a key came twice, or merely a colon was written as an escape.
        _refuse_duplicate_key(body)
    return value


def _check_shape(value: object, body: bytes, limits: JsonLimits) -> None:
    containers = body.count(b"{") + body.count(b"[")
    if (
        containers <= limits.max_depth
        and body.count(b":") <= limits.max_keys
        and len(body) <= MAX_STRING_LENGTH
    ):
        return
    depth, keys = _depth_and_keys(value, limits.max_depth)
    if depth > limits.max_depth:
        _refuse((), f"Is nested deeper than {limits.max_depth} levels", "too_deep")
    if keys > limits.max_keys:
        _refuse((), f"Holds more than {limits.max_keys} members", "too_many_members")
    if _may_hold_a_long_string(body):
        _refuse_at(
            _find(value, lambda text: len(text) > MAX_STRING_LENGTH),
            f"Is longer than {MAX_STRING_LENGTH} characters",
            "string_too_long",
        )


def _may_hold_a_long_string(body: bytes) -> bool:
    """Tell whether a string is too long, or seems so: a byte at least stands for each character."""
    if len(body) <= MAX_STRING_LENGTH:
        return False
    between_quotes = body.replace(b'\\"', b"_").split(b'"')
    return max(map(len, between_quotes)) > MAX_STRING_LENGTH


def _depth_and_keys(value: object, max_depth: int) -> tuple[int, int]:
    """Return depth and number of members; stop one level below `max_depth`."""
    depth = keys = 0
    level = [value] if isinstance(value, dict | list) else []
    while level and depth <= max_depth:
        depth += 1
        below: list[Any] = []
        for container in level:
            if type(container) is dict:
                keys += len(container)
                below += [inner for inner in container.values() if type(inner) in _CONTAINERS]
            else:
                below += [inner for inner in container if type(inner) in _CONTAINERS]
        level = below
    return depth, keys


_CONTAINERS: Final = frozenset({dict, list})


def _find(value: object, wrong: Callable[[str], object]) -> Path | None:
    """Return the path of the first string, key or value, that is wrong."""
    for path, text in _strings(value):
        if wrong(text):
            return path
    return None


def _strings(value: object) -> Iterator[tuple[Path, str]]:
    for path, inner in _walk(value):
        if isinstance(inner, str):
            yield path, inner
        elif isinstance(inner, dict):
            for key in inner:
                yield (*path, key), key


def _walk(value: object) -> Iterator[tuple[Path, object]]:
    waiting: list[tuple[Path, object]] = [((), value)]
    while waiting:
        path, inner = waiting.pop()
        yield path, inner
        if isinstance(inner, dict):
            waiting += [((*path, key), below) for key, below in inner.items()]
        elif isinstance(inner, list):
            waiting += [((*path, index), below) for index, below in enumerate(inner)]


class _WithDuplicate(dict[str, Any]):
    """An object in which a key came twice."""

    def __init__(self, members: Mapping[str, Any], duplicate: str) -> None:
        super().__init__(members)
        self.duplicate = duplicate


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    seen: set[str] = set()
    duplicate = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return _WithDuplicate(members, duplicate)


def _refuse_duplicate_key(body: bytes) -> None:
    for path, inner in _walk(json.loads(body, object_pairs_hook=_object)):
        if isinstance(inner, _WithDuplicate):
            _refuse((*path, inner.duplicate), "Is given twice", "duplicate_key")


def _refuse_lone_surrogate(body: bytes) -> None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    _refuse_at(_find(value, _LONE_SURROGATE.search), "Holds half a character", "lone_surrogate")


def _refuse_at(path: Path | None, reason: str, code: str) -> None:
    if path is not None:
        _refuse(path, reason, code)


def _refuse(path: Path, reason: str, code: str) -> None:
    raise ValidationFailedError([FieldError(field=json_pointer(path), reason=reason, code=code)])
