"""Routes are found by the segments of the path."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.types import Message

from rcu.http.dispatch import Dispatcher, DuplicateRouteError
from rcu.http.errors import MethodNotAllowedError, NotFoundError

routes = APIRouter(prefix="/v1")


@routes.get("/clients/{client_id}")
async def read_client(client_id: str) -> str:
    return f"client {client_id}"


@routes.get("/clients/search")
async def search_clients() -> str:
    return "search"


@routes.post("/clients/{client_id}/merge")
async def merge_client(client_id: str) -> str:
    return f"merge {client_id}"


@routes.get("/clients/search/saved/{name}")
async def read_saved(name: str) -> str:
    return f"saved {name}"


@routes.get("/files/{path:path}")
async def read_file(path: str) -> str:
    return f"file {path}"


async def call(method: str, path: str, *routers: APIRouter) -> str:
    """Return the body of the answer."""
    app = FastAPI(openapi_url=None)
    for router in routers or (routes,):
        app.include_router(router)
    answered: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        answered.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "app": app,
    }
    await Dispatcher(app.router)(scope, receive, send)
    body: bytes = answered[-1]["body"]
    return body.decode().strip('"')


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v1/clients/7", "client 7"),
        ("/v1/clients/search", "search"),
        ("/v1/clients/search/saved/x", "saved x"),
        ("/v1/clients/a%b c", "client a%b c"),
    ],
)
async def test_a_literal_segment_wins_over_a_parameter(path: str, answer: str) -> None:
    assert await call("GET", path) == answer


async def test_a_parameter_is_tried_when_the_literal_leads_nowhere() -> None:
    assert await call("POST", "/v1/clients/search/merge") == "merge search"


async def test_other_kinds_of_path_are_left_to_fastapi() -> None:
    app = FastAPI(openapi_url=None)
    app.include_router(routes)

    assert Dispatcher(app.router)._has_others


@pytest.mark.parametrize("path", ["/v2", "/v1/clients/", "/v1/clients//merge", "/v1", "", "//"])
async def test_an_unknown_path_is_not_found(path: str) -> None:
    only_table = APIRouter()
    only_table.add_api_route("/v1/clients/{client_id}", read_client)

    with pytest.raises(NotFoundError):
        await call("GET", path, only_table)


async def test_another_method_is_refused_with_those_allowed() -> None:
    with pytest.raises(MethodNotAllowedError) as refused:
        await call("PUT", "/v1/clients/7")

    assert refused.value.headers == {"Allow": "GET"}


def test_one_route_declared_twice_is_found_at_start() -> None:
    app = FastAPI(openapi_url=None)
    app.include_router(routes)
    app.include_router(routes)

    with pytest.raises(DuplicateRouteError):
        Dispatcher(app.router)
