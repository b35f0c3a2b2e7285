"""Structured logs: one JSON object a line on standard error, or readable lines for people.

No personal data: an exception is logged as its type and its frames, without its message (which
may quote a value) and without local variables.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Literal, TextIO

import orjson
import structlog

from rcu.context import current_request

LogFormat = Literal["json", "console"]
_MAX_FRAMES: Final = 30
_MAX_CAUSES: Final = 5
_DATABASE_CODES: Final = ("sqlstate", "constraint_name")

# Other libraries are heard from their warnings on: some write addresses or statements. The service
# writes its own line for each request, without its query and path values.
_LIBRARIES: Final = {
    "uvicorn": logging.INFO,
    "uvicorn.error": logging.INFO,
    "uvicorn.access": logging.CRITICAL,
    "alembic": logging.INFO,
}

EventDict = MutableMapping[str, Any]


class _Handler(logging.StreamHandler[TextIO]):
    """The handler that this module installs, and replaces when it is called again."""


def configure_logs(
    *, level: str = "info", log_format: LogFormat = "json", stream: TextIO | None = None
) -> None:
    """Send the service's events, and those of the libraries, to `stream` in one format.

    Without `stream`, to standard error. May be called again; the last call counts.
    """
    target = stream if stream is not None else sys.stderr
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_enrichers(), *_renderers(log_format)],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    fast = log_format == "json" and least <= logging.INFO
    _access.stream = target if fast else None
    handler = _Handler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                _without_arguments_of_libraries,
                *_enrichers(with_level=False),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(log_format),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler, *(it for it in root.handlers if not isinstance(it, _Handler))]
    root.setLevel(logging.WARNING)
    for name, quietest in _LIBRARIES.items():
        library = logging.getLogger(name)
        library.handlers = []
        library.propagate = True
        library.setLevel(max(quietest, least))


def log_request(*, method: str, route: str, status: int, milliseconds: float) -> None:
    """Write the access log line of one request.

    In the usual setting the line is made here at once: it is paid on every request, and the
    general way costs five times as much.
    """
    if _access.stream is None:
        _access_log.info("http.request", method=method, route=route, status=status, ms=milliseconds)
        return
    line: dict[str, Any] = {
        "event": "http.request",
        "method": method,
        "route": route,
        "status": status,
        "ms": milliseconds,
        "level": "info",
        "timestamp": datetime.now(UTC),
    }
    _add_request(None, "info", line)
    _access.stream.write(orjson.dumps(line, option=_LINE_OPTIONS).decode())


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of a module; `name` is its dotted name."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(module=name)
    return logger


@dataclass
class _AccessLog:
    """Where access lines go; no stream means through structlog, level and format observed."""

    stream: TextIO | None = None


_access: Final = _AccessLog()
_access_log: Final = get_logger("rcu.http.shell")
_LINE_OPTIONS: Final = orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z


def describe_exception(error: BaseException) -> list[dict[str, Any]]:
    """Return the type and the frames of an exception and of what caused it, nothing of its text."""
    causes: list[dict[str, Any]] = []
    cause: BaseException | None = error
    while cause is not None and len(causes) < _MAX_CAUSES:
        causes.append(
            {
                "type": f"{type(cause).__module__}.{type(cause).__qualname__}",
                "frames": _frames(cause.__traceback__),
                **_database_code(cause),
            }
        )
        suppressed = cause.__suppress_context__
        cause = cause.__cause__ or (None if suppressed else cause.__context__)
    return causes


def _database_code(error: BaseException) -> dict[str, str]:
    """Return PostgreSQL's five-character error code and constraint, which quote no value."""
    return {
        key: value for key in _DATABASE_CODES if isinstance(value := getattr(error, key, None), str)
    }


def _frames(traceback: TracebackType | None) -> list[str]:
    frames: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        frames.append(f"{code.co_filename}:{traceback.tb_lineno} {code.co_qualname}")
        traceback = traceback.tb_next
    return frames[-_MAX_FRAMES:]


def _enrichers(*, with_level: bool = True) -> list[structlog.typing.Processor]:
    chain: list[structlog.typing.Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_request,
        _replace_exception,
    ]
    return [structlog.processors.add_log_level, *chain] if with_level else chain


def _add_request(_logger: object, _method: str, event: EventDict) -> EventDict:
    request = current_request.get()
    if request is not None:
        event.setdefault("request_id", request.request_id)
        if request.key_id is not None:
            event.setdefault("key_id", request.key_id)
    return event


def _replace_exception(_logger: object, _method: str, event: EventDict) -> EventDict:
    raised = event.pop("exc_info", None)
    error: object = raised
    if raised is True:
        error = sys.exc_info()[1]
    elif isinstance(raised, tuple):
        error = raised[1]
    if isinstance(error, BaseException):
        event["exception"] = describe_exception(error)
    return event


def _without_arguments_of_libraries(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Keep a library's sentence only when no exception stands beside it, which it may quote."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord) and record.exc_info:
        event["event"] = "library.exception"
        event["exc_info"] = record.exc_info
    return event


def _renderers(log_format: LogFormat) -> list[structlog.typing.Processor]:
    if log_format == "console":
        return [_write_out_exception, structlog.dev.ConsoleRenderer(colors=False)]
    return [structlog.processors.JSONRenderer(serializer=_to_json)]


def _write_out_exception(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Make the exception the text that stands below a line for people, cause after cause."""
    if "exception" in event:
        event["exception"] = "\n".join(map(_as_text, event["exception"]))
    return event


def _as_text(cause: Mapping[str, Any]) -> str:
    codes = "".join(f" {key}={cause[key]}" for key in _DATABASE_CODES if key in cause)
    return "\n  ".join([f"{cause['type']}{codes}", *cause["frames"]])


def _to_json(event: EventDict, **_options: object) -> str:
    return orjson.dumps(event, default=str).decode()
