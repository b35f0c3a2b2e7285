"""The outermost layer: request ids, limits, headers, log lines, figures."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import httpx
import pytest

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.access.service import IssuedKey
from rcu.db.engine import Database
from rcu.http.dependencies import SessionDep
from rcu.http.routing import api_router
from rcu.logs import configure_logs
from tests.service_client import TEST_SETTINGS, bearer, issue_key, running_service

LIMIT = 2048
router = api_router(prefix="/test")
Reader = Annotated[Caller, requires(Scope.CLIENTS_READ)]


@router.post("/echo")
async def echo(body: dict[str, Any], _caller: Reader) -> int:
    """Return how many members were sent."""
    return len(body)


@router.post("/echo-in-session")
async def echo_in_session(body: dict[str, Any], _session: SessionDep, _caller: Reader) -> int:
    """Return how many members were sent; FastAPI itself calls this one."""
    return len(body)


@router.get("/people/{name}")
async def read_person(name: str, _caller: Reader) -> str:
    """Return a name."""
    return name


@pytest.fixture(scope="module")
async def key(module_database: Database) -> IssuedKey:
    return await issue_key(module_database, Scope.CLIENTS_READ)


@pytest.fixture(scope="module")
async def client(module_database: Database) -> AsyncIterator[httpx.AsyncClient]:
    settings = TEST_SETTINGS.model_copy(update={"max_body_bytes": LIMIT})
    async with running_service(module_database, settings=settings, extra=[router]) as client:
        yield client


@pytest.fixture
def written(client: httpx.AsyncClient) -> Iterator[io.StringIO]:
    """Give what the running service logs."""
    assert not client.is_closed
    stream = io.StringIO()
    configure_logs(stream=stream)
    yield stream
    configure_logs(level="error")


async def unread() -> AsyncIterator[bytes]:
    for _ in range(1):
        pytest.fail("the body was read")
    yield b""


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_a_declared_length_over_the_limit_is_refused_unread(
    client: httpx.AsyncClient, key: IssuedKey
) -> None:
    answer = await client.post(
        "/test/echo",
        content=unread(),
        headers=bearer(key)
        | {"Content-Length": str(LIMIT + 1), "Content-Type": "application/json"},
    )

    assert answer.status_code == 413
    assert answer.json()["limit_bytes"] == LIMIT
    assert answer.headers["connection"] == "close"


async def test_a_streamed_body_over_the_limit_is_refused(
    client: httpx.AsyncClient, key: IssuedKey
) -> None:
    answer = await client.post(
        "/test/echo",
        content=chunks(b'{"a":"', b"x" * LIMIT, b'"}'),
        headers=bearer(key) | {"Content-Type": "application/json"},
    )

    assert answer.status_code == 413


async def test_a_gzip_body_is_read_and_bounded_once_unzipped(
    client: httpx.AsyncClient, key: IssuedKey
) -> None:
    headers = bearer(key) | {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    small = gzip.compress(b'{"a":1,"b":2}')
    large = gzip.compress(json.dumps({"a": "x" * LIMIT}).encode())

    assert (await client.post("/test/echo", content=small, headers=headers)).json() == 2
    assert (await client.post("/test/echo", content=large, headers=headers)).status_code == 413


async def test_another_compression_is_refused(client: httpx.AsyncClient, key: IssuedKey) -> None:
    answer = await client.post(
        "/test/echo",
        content=b"x",
        headers=bearer(key) | {"Content-Type": "application/json", "Content-Encoding": "br"},
    )

    assert answer.status_code == 415


@pytest.mark.parametrize("path", ["/test/echo", "/test/echo-in-session"])
async def test_without_a_key_the_body_is_not_read(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(path, content=unread(), headers={"Content-Type": "application/json"})

    assert answer.status_code == 401


@pytest.mark.parametrize("sent", ["short", "x" * 65, "with space 123", "zoé-1234567", 'a"b{c}d;e'])
async def test_an_unfit_request_id_is_replaced(client: httpx.AsyncClient, sent: str) -> None:
    answer = await client.get("/healthz", headers=[(b"X-Request-Id", sent.encode())])

    assert answer.headers["x-request-id"] != sent
    assert len(answer.headers["x-request-id"]) >= 16


async def test_request_ids_differ(client: httpx.AsyncClient) -> None:
    ids = {(await client.get("/healthz")).headers["x-request-id"] for _ in range(10)}

    assert len(ids) == 10


@pytest.mark.parametrize(
    "path", ["/healthz", "/nowhere", "/v1/sources", "/docs", "/problems", "/openapi.json"]
)
async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]


async def test_the_documentation_page_loads_nothing_from_elsewhere(
    client: httpx.AsyncClient,
) -> None:
    page = (await client.get("/docs")).text

    assert "/v1/sources" in page
    assert '<a href="#sources">Sources</a>' in page
    assert '<h2 id="sources">Sources</h2>' in page
    assert "`" not in page
    for loading in ("<script", "src=", "http://", "https://", "@import", "<link"):
        assert loading not in page


async def test_the_address_of_the_service_leads_to_its_documentation(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.get("/")

    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_the_log_line_names_the_route_and_no_value(
    client: httpx.AsyncClient, key: IssuedKey, written: io.StringIO
) -> None:
    answer = await client.get("/test/people/martin?email=zoe", headers=bearer(key))

    assert answer.status_code == 200
    line = json.loads(written.getvalue())
    assert line["event"] == "http.request"
    assert line["method"] == "GET"
    assert line["route"] == "/test/people/{name}"
    assert line["status"] == 200
    assert line["ms"] > 0
    assert line["key_id"] == key.public_id
    assert line["request_id"] == answer.headers["x-request-id"]
    assert "martin" not in written.getvalue()
    assert "zoe" not in written.getvalue()
    assert key.text not in written.getvalue()


async def test_an_unmatched_path_is_not_logged(
    client: httpx.AsyncClient, written: io.StringIO
) -> None:
    await client.get("/clients/zoe.martin")

    assert json.loads(written.getvalue())["route"] == "unmatched"
    assert "martin" not in written.getvalue()


async def test_console_lines_say_the_same(client: httpx.AsyncClient) -> None:
    stream = io.StringIO()
    configure_logs(log_format="console", stream=stream)

    await client.get("/nowhere")

    assert "http.request" in stream.getvalue()
    assert "route=unmatched" in stream.getvalue()
    configure_logs(level="error")
