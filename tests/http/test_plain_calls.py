"""The short way to call endpoints answers as FastAPI itself does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import httpx
import pytest
from fastapi import BackgroundTasks, FastAPI, Query
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.db.engine import Database
from rcu.http.dependencies import DatabaseDep, SessionDep
from rcu.http.plain_calls import plain_call
from rcu.http.routing import api_router
from tests.service_client import bearer, issue_key, running_app

Reader = Annotated[Caller, requires(Scope.CLIENTS_READ)]
router = api_router(prefix="/test")


class Point(BaseModel):
    model_config = ConfigDict(extra="forbid")

    x: int
    y: float = 0.5


@router.get("/plain/things/{thing_id}/{number}")
async def read_thing(
    thing_id: UUID, number: int, caller: Reader, _database: DatabaseDep
) -> dict[str, str | int]:
    return {"thing": str(thing_id), "number": number, "caller": caller.key_id}


@router.post("/plain/points", status_code=201)
async def create_point(body: Point, _caller: Reader) -> Point:
    return body


@router.put("/plain/points/{number}")
async def replace_points(number: int, body: list[Point], request: Request) -> list[Point]:
    return [*body, Point(x=number, y=len(request.headers.get("x-more", "")))]


@router.get("/plain/raw")
async def read_raw() -> Response:
    return Response(b"raw", status_code=202, headers={"X-Own": "1"}, media_type="text/plain")


@router.get("/plain/nothing")
async def read_nothing() -> None:
    return None


@router.get("/plain/untyped")
async def read_untyped():  # type: ignore[no-untyped-def] # noqa: ANN201 - what is tested
    return {"a": [1, None]}


@router.get("/general/query")
async def read_query(limit: Annotated[int, Query(ge=1)] = 3) -> int:
    return limit


@router.get("/general/session")
async def read_session(session: SessionDep) -> bool:
    return session.in_transaction()


@router.post("/general/optional")
async def create_optional(body: Point | None = None) -> Point | None:
    return body


@router.post("/general/two")
async def create_two(first: Point, second: Point) -> int:
    return first.x + second.x


@router.get("/general/tasks")
async def read_tasks(tasks: BackgroundTasks) -> bool:
    return bool(tasks)


@router.delete("/general/empty", status_code=204)
async def remove_nothing() -> None:
    return None


THING = "/test/plain/things/0189d8a4-0000-7000-8000-000000000001"
CALLS: list[tuple[str, str, Any]] = [
    ("GET", f"{THING}/7", None),
    ("GET", f"{THING}/x", None),
    ("GET", "/test/plain/things/x/y", None),
    ("POST", "/test/plain/points", {"x": 1, "y": 2}),
    ("POST", "/test/plain/points", {"x": 1}),
    ("POST", "/test/plain/points", {"x": "no", "z": 1}),
    ("POST", "/test/plain/points", []),
    ("POST", "/test/plain/points", None),
    ("PUT", "/test/plain/points/3", [{"x": 1}]),
    ("PUT", "/test/plain/points/x", [{"x": "y"}]),
    ("GET", "/test/plain/raw", None),
    ("GET", "/test/plain/nothing", None),
    ("GET", "/test/plain/untyped", None),
    ("GET", "/test/general/query?limit=2", None),
    ("GET", "/test/general/query?limit=0", None),
    ("GET", "/test/general/session", None),
    ("POST", "/test/general/optional", None),
    ("POST", "/test/general/optional", {"x": 1}),
    ("POST", "/test/general/two", {"first": {"x": 1}, "second": {"x": 2}}),
    ("GET", "/test/general/tasks", None),
    ("DELETE", "/test/general/empty", None),
]


@pytest.fixture(scope="module")
async def service(module_database: Database) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    key = await issue_key(module_database, Scope.CLIENTS_READ)
    async with running_app(module_database, extra=[router]) as (app, client):
        client.headers.update(bearer(key) | {"X-Request-Id": "the-same-for-both"})
        yield app, client


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_the_short_way_answers_as_fastapi_does(
    service: tuple[FastAPI, httpx.AsyncClient], method: str, path: str, body: object
) -> None:
    app, client = service
    short = await client.request(method, path, json=body)
    # With an override, however unconnected, every call goes FastAPI's way.
    app.dependency_overrides[object] = object

    general = await client.request(method, path, json=body)
    app.dependency_overrides.clear()

    assert short.status_code == general.status_code
    assert short.content == general.content
    assert sorted(short.headers.multi_items()) == sorted(general.headers.multi_items())


@pytest.mark.parametrize("path", ["/test/plain/things/x/y", "/test/plain/points"])
async def test_who_has_no_key_is_not_told_what_else_is_wrong(
    service: tuple[FastAPI, httpx.AsyncClient], path: str
) -> None:
    _, client = service

    answer = await client.request(
        "POST" if "points" in path else "GET", path, headers={"Authorization": ""}
    )

    assert answer.status_code == 401


def test_only_endpoints_that_ask_little_are_called_the_short_way() -> None:
    app = FastAPI()
    app.include_router(router)

    for context in iter_route_contexts(app.router.routes):
        path = context.path or ""
        if path.startswith("/test"):
            assert (plain_call(context) is not None) is path.startswith("/test/plain"), path
