"""Routes are found by the segments of the path."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI, Query
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from pydantic import BaseModel, Field
from starlette.types import Message

from rcu.errors import ValidationFailedError
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


class Shelf(BaseModel):
    """Parameters of a query, as a model."""

    row: Annotated[int, Field(alias="from")]
    colour: str = "any"


@routes.get("/shelves")
async def list_shelves(shelf: Annotated[Shelf, Query()]) -> str:
    return f"{shelf.row} {shelf.colour}"


@routes.get("/people", openapi_extra={"parameters": [{"name": "at", "in": "query"}]})
async def list_people(limit: Annotated[int, Query(alias="most")] = 3) -> str:
    return f"{limit}"


@routes.get("/nothing")
async def read_nothing() -> str:
    return "nothing"


async def call(method: str, path: str, *routers: APIRouter, query: bytes = b"") -> str:
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
        "query_string": query,
        "headers": [],
        "app": app,
    }
    await AsyncExitStackMiddleware(Dispatcher(app.router))(scope, receive, send)
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


@pytest.mark.parametrize(
    ("path", "query", "answer"),
    [
        ("/v1/shelves", b"from=1&colour=red", "1 red"),
        ("/v1/people", b"most=2", "2"),
        ("/v1/people", b"at=noon", "3"),
        ("/v1/nothing", b"", "nothing"),
    ],
)
async def test_declared_query_parameters_are_let_pass(path: str, query: bytes, answer: str) -> None:
    assert await call("GET", path, query=query) == answer


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/shelves", b"from=1&color=red"),
        ("/v1/people", b"limit=2"),
        ("/v1/people", b"most=2&At=noon"),
        ("/v1/nothing", b"as_of"),
        ("/v1/nothing", b"%C3%A9=1"),
        ("/v1/nothing", b"\xff="),
    ],
)
async def test_a_misspelt_query_parameter_is_refused_not_passed_over(
    path: str, query: bytes
) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        await call("GET", path, query=query)

    assert [failure.code for failure in refused.value.errors] == ["extra_forbidden"]


async def test_what_calls_a_probe_may_add_parameters() -> None:
    probes = APIRouter()
    probes.add_api_route("/healthz", read_nothing)

    assert await call("GET", "/healthz", probes, query=b"probe=1") == "nothing"


def test_one_route_declared_twice_is_found_at_start() -> None:
    app = FastAPI(openapi_url=None)
    app.include_router(routes)
    app.include_router(routes)

    with pytest.raises(DuplicateRouteError):
        Dispatcher(app.router)
