"""Routers and routes of the API: every body is read within bounds, after the key was checked."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from enum import Enum
from typing import Any, Final

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from rcu.http.errors import UnsupportedMediaTypeError
from rcu.http.json_body import JsonLimits, gunzip, read_json

_JSON_TYPES: Final = frozenset({"application/json", "application/json; charset=utf-8"})


class JsonRequest(Request):
    """A request whose body was read and parsed by `load`."""

    async def load(self, limits: JsonLimits) -> Any:
        """Read the body, unzip it and parse it, all within `limits`; None when it is empty."""
        body = await self.body()
        if not body:
            self._json = None
            return None
        self._require_json()
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding == "gzip":
            body = gunzip(body, max_bytes=limits.max_bytes)
        elif encoding != "identity":
            raise UnsupportedMediaTypeError("A body may be compressed with gzip only.")
        self._body = body
        self._json = read_json(body, limits)
        return self._json

    async def json(self) -> Any:
        """Return the value that `load` has parsed."""
        return self._json

    def _require_json(self) -> None:
        sent = self.headers.get("content-type", "")
        if sent in _JSON_TYPES:
            return
        media_type = sent.partition(";")[0].strip().lower()
        if media_type != "application/json" and not media_type.endswith("+json"):
            raise UnsupportedMediaTypeError("Send the body as Content-Type: application/json.")


class ApiRoute(APIRoute):
    """A route that checks the API key before it reads the body, and bounds the body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler; without a body it is FastAPI's own."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_with_body(request: Request) -> Response:
            state = request.app.state
            await state.authenticate(request)
            bounded = JsonRequest(request.scope, request.receive)
            await bounded.load(state.json_limits)
            return await handle(bounded)

        return handle_with_body


def api_router(*, prefix: str = "", tags: list[str | Enum] | None = None) -> APIRouter:
    """Return a router for a domain's endpoints, below `/v1` or wherever `prefix` says."""
    return APIRouter(prefix=prefix, tags=tags, route_class=ApiRoute)
