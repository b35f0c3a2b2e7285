"""Calls simple endpoints without FastAPI's general machinery, to the same effect.

Most endpoints take values from the path, a body, the caller, the database, and nothing else. For
them FastAPI's solver and its exit stacks cost more than the rest of the service together:
measured, 65 µs of 110 µs; this costs 10. An endpoint that needs anything more (query parameters,
a session with its cleanup, background tasks) is left to FastAPI. A test holds the two to the same
answers.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.params import Form
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from rcu.http.routing import JsonRequest

if TYPE_CHECKING:
    from fastapi._compat import ModelField
    from fastapi.dependencies.models import Dependant
    from fastapi.routing import RouteContext
    from starlette.types import ASGIApp, Receive, Scope, Send

Provider = Callable[[Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class PlainCall:
    """An ASGI application that calls one simple endpoint."""

    endpoint: Callable[..., Awaitable[Any]]
    providers: tuple[tuple[str | None, Provider], ...]
    parameters: tuple[ModelField, ...]
    body: ModelField | None
    request_name: str | None
    answer: ModelField | None
    status: int
    otherwise: ASGIApp
    """FastAPI's own application of the route, used when dependencies are overridden."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["app"].dependency_overrides:
            await self.otherwise(scope, receive, send)
            return
        request = JsonRequest(scope, receive, send)
        values: dict[str, Any] = {}
        for name, provide in self.providers:
            provided = await provide(request)
            if name is not None:
                values[name] = provided
        if self.parameters or self.body is not None:
            await self._read(request, values)
        if self.request_name is not None:
            values[self.request_name] = request
        result = await self.endpoint(**values)
        response = result if isinstance(result, Response) else self._response(result)
        await response(scope, receive, send)

    async def _read(self, request: JsonRequest, values: dict[str, Any]) -> None:
        """Read the path's values and the body, once the caller is known; raise what is wrong."""
        failures: list[Any] = []
        for parameter in self.parameters:
            place = ("path", parameter.alias)
            sent = request.scope["path_params"][parameter.alias]
            values[parameter.name], errors = parameter.validate(sent, values, loc=place)
            failures += errors
        body: object = None
        if self.body is not None:
            body = await request.load(request.scope["app"].state.json_limits)
            values[self.body.name], errors = _validated(self.body, body)
            failures += errors
        if failures:
            raise RequestValidationError(failures, body=body)

    def _response(self, result: object) -> Response:
        if self.answer is None:
            return JSONResponse(result, status_code=self.status)
        value, errors = self.answer.validate(result, {}, loc=("response",))
        if errors:
            raise InvalidAnswerError(self.endpoint.__name__)
        return Response(
            self.answer.serialize_json(value),
            status_code=self.status,
            media_type="application/json",
        )


class InvalidAnswerError(RuntimeError):
    """An endpoint returned something else than it declares: a mistake of ours."""


def _validated(field: ModelField, body: object) -> tuple[Any, list[Any]]:
    if body is None:
        return None, [{"type": "missing", "loc": ("body",), "msg": "Field required"}]
    value, errors = field.validate(body, {}, loc=("body",))
    return value, list(errors)


def plain_call(context: RouteContext) -> PlainCall | None:
    """Return the short way to call a route, or None when it needs FastAPI's."""
    dependant: Dependant = context.dependant
    providers = _providers(dependant)
    if (
        providers is None
        or not isinstance(context.original_route, APIRoute)
        or not _asks_little(dependant)
        or not _has_plain_body(dependant, context)
        or not inspect.iscoroutinefunction(context.endpoint)
        or _is_customised(context)
    ):
        return None
    return PlainCall(
        endpoint=context.endpoint,
        providers=providers,
        parameters=tuple(dependant.path_params),
        body=dependant.body_params[0] if dependant.body_params else None,
        request_name=dependant.request_param_name,
        answer=context.response_field,
        status=context.status_code or 200,
        otherwise=context.app,
    )


def _asks_little(dependant: Dependant) -> bool:
    """Say whether a function takes path values, a body and the request at most."""
    return not (
        dependant.query_params
        or dependant.header_params
        or dependant.cookie_params
        or dependant.websocket_param_name
        or dependant.http_connection_param_name
        or dependant.response_param_name
        or dependant.background_tasks_param_name
        or dependant.security_scopes_param_name
    )


def _has_plain_body(dependant: Dependant, context: RouteContext) -> bool:
    """Say whether the body, if there is one, is a single required JSON value."""
    if not dependant.body_params:
        return context.body_field is None
    return (
        len(dependant.body_params) == 1
        and context.body_field is dependant.body_params[0]
        and context.body_field.field_info.is_required()
        and not isinstance(context.body_field.field_info, Form)
    )


def _is_customised(context: RouteContext) -> bool:
    """Say whether the answer is shaped by options that only FastAPI knows."""
    return bool(
        context.response_model_include
        or context.response_model_exclude
        or context.response_model_exclude_unset
        or context.response_model_exclude_defaults
        or context.response_model_exclude_none
        or not context.response_model_by_alias
        or context.is_sse_stream
        or context.is_json_stream
        or (context.status_code or 200) in {204, 205, 304}
    )


def _providers(dependant: Dependant) -> tuple[tuple[str | None, Provider], ...] | None:
    """Return the dependencies if each is a coroutine function of the request alone."""
    providers: list[tuple[str | None, Provider]] = []
    for inner in dependant.dependencies:
        call = inner.call
        if (
            inner.dependencies
            or inner.path_params
            or inner.body_params
            or not _asks_little(inner)
            or inner.request_param_name is None
            or call is None
            or not _is_coroutine(call)
        ):
            return None
        providers.append((inner.name, call))
    return tuple(providers)


def _is_coroutine(call: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(
        getattr(call, "__call__", None)  # noqa: B004 - asks what kind of function it is
    )
