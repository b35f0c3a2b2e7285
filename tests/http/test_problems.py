"""Every error is a problem document, and none repeats what was sent."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import httpx
import pytest
from fastapi import HTTPException
from pydantic import AwareDatetime, BaseModel, ConfigDict, EmailStr, Field, field_validator
from sqlalchemy import text

from rcu.access.models import Scope
from rcu.db.engine import Database
from rcu.errors import FieldValueError
from rcu.http.dependencies import DatabaseDep
from rcu.http.routing import api_router
from rcu.logs import configure_logs
from rcu.validation import MAX_REPORTED_ERRORS
from tests.service_client import bearer, issue_key, running_service

SECRET = "zoe.martin@example.org"
router = api_router(prefix="/test")


class Card(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["card"]
    number: Annotated[str, Field(max_length=10, pattern="^[0-9]+$")]


class Mail(BaseModel):
    kind: Literal["mail"]
    address: EmailStr


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=10)] | None = None
    born: date | None = None
    at: AwareDatetime | None = None
    id: UUID | None = None
    points: int | None = None
    either: int | bool | None = None
    contacts: list[Annotated[Card | Mail, Field(discriminator="kind")]] = []
    careless: str | None = None
    careful: str | None = None
    attributes: dict[Annotated[str, Field(max_length=5)], int] = {}

    @field_validator("careless")
    @classmethod
    def quote(cls, value: str) -> str:
        raise ValueError(f"{value} will not do")

    @field_validator("careful")
    @classmethod
    def keep_quiet(cls, value: str) -> str:
        if value:
            raise FieldValueError("Give a nicer one")
        return value


@router.post("/form")
async def take_form(body: Form) -> None:
    """Take a form."""


@router.post("/crash")
async def crash(body: dict[str, str]) -> None:
    """Fail, and quote the body in the message."""
    raise RuntimeError(f"cannot take {body['name']}")


@router.post("/constraint")
async def break_constraint(body: dict[str, str], database: DatabaseDep) -> None:
    """Break a constraint with a value of the body."""
    async with database.transaction() as session:
        await session.execute(
            text("INSERT INTO source (code, name, kind) VALUES ('x', 'x', :kind)"),
            {"kind": body["name"]},
        )


@router.get("/teapot")
async def teapot() -> None:
    """Raise what a library might."""
    raise HTTPException(418, SECRET)


@router.get("/numbers/{number}")
async def read_number(number: int, limit: int = 3) -> int:
    """Return a number."""
    return number + limit


@pytest.fixture(scope="module")
async def client(module_database: Database) -> AsyncIterator[httpx.AsyncClient]:
    key = await issue_key(module_database, Scope.ADMIN)
    async with running_service(module_database, extra=[router]) as client:
        client.headers.update(bearer(key))
        yield client


async def refusals(client: httpx.AsyncClient, form: dict[str, Any]) -> dict[str, str]:
    """Return what a form is refused for: code by field."""
    answer = await client.post("/test/form", json=form)
    assert answer.status_code == 422
    return {error["field"]: error["code"] for error in answer.json()["errors"]}


async def test_a_refusal_names_each_field_by_its_json_pointer(client: httpx.AsyncClient) -> None:
    form = {
        "name": 3,
        "unknown": 1,
        "either": "x",
        "contacts": [{"kind": "card", "number": "x"}, {"kind": "mail"}, {"kind": "fax"}, 5],
    }

    assert await refusals(client, form) == {
        "/name": "string_type",
        "/unknown": "extra_forbidden",
        "/either": "bool_parsing",
        "/contacts/0/number": "string_pattern_mismatch",
        "/contacts/1/address": "missing",
        "/contacts/2": "union_tag_invalid",
        "/contacts/3": "model_attributes_type",
    }


@pytest.mark.parametrize(
    "form",
    [
        {"name": SECRET},
        {"born": SECRET},
        {"at": SECRET},
        {"id": SECRET},
        {"points": SECRET},
        {"either": SECRET},
        {"careless": SECRET},
        {"careful": SECRET},
        {"attributes": {SECRET: 1}},
        {SECRET: 1},
        {"contacts": [{"kind": SECRET}]},
        {"contacts": [{"kind": "card", "number": SECRET}]},
        {"contacts": [{"kind": "card", "number": "1", SECRET: SECRET}]},
        {"contacts": [{"kind": "mail", "address": f"@{SECRET}"}]},
        {"contacts": SECRET},
    ],
)
async def test_a_refusal_never_repeats_a_value(
    client: httpx.AsyncClient, form: dict[str, Any]
) -> None:
    answer = await client.post("/test/form", json=form)

    assert answer.status_code == 422
    for part in ("zoe", "martin", "example.org"):
        assert part not in answer.text.lower()


async def test_our_own_sentence_of_a_validator_is_told(client: httpx.AsyncClient) -> None:
    answer = await client.post("/test/form", json={"careful": "x"})

    assert answer.json()["errors"] == [
        {
            "field": "/careful",
            "reason": "Give a nicer one",
            "code": "value_error",
            "location": "body",
        }
    ]


async def test_a_problem_says_type_title_status_and_request_id(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere", headers={"X-Request-Id": "till-7:000042"})

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"] == "till-7:000042"
    assert answer.json() == {
        "type": "/problems/not-found",
        "title": "Not found",
        "status": 404,
        "detail": "There is nothing at this address.",
        "request_id": "till-7:000042",
    }


JSON = "application/json"


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "kind"),
    [
        ("DELETE", "/test/form", None, 405, "method-not-allowed"),
        ("POST", "/test/form", ("text/plain", "a=1"), 415, "unsupported-media-type"),
        ("POST", "/test/form", (JSON, "{"), 400, "malformed-request"),
        ("POST", "/test/form", (JSON, ""), 422, "validation-failed"),
        ("GET", "/test/teapot", None, 400, "request-refused"),
        ("GET", "/test/numbers/x", None, 422, "validation-failed"),
        ("GET", "/test/numbers/1?limit=x", None, 422, "validation-failed"),
        ("GET", "/test/numbers/%00", None, 400, "malformed-request"),
        ("GET", "/test/numbers/1?limit=%00", None, 400, "malformed-request"),
    ],
)
async def test_each_refusal_has_its_status_and_type(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    sent: tuple[str, str] | None,
    *,
    status: int,
    kind: str,
) -> None:
    media_type, content = sent or (JSON, None)
    answer = await client.request(
        method, path, content=content, headers={"Content-Type": media_type}
    )

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"/problems/{kind}"
    assert answer.json()["status"] == status
    assert SECRET not in answer.text


async def test_a_body_without_a_media_type_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/test/form", content="{}")

    assert answer.status_code == 415


async def test_a_method_that_is_not_taken_names_those_that_are(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/test/form")

    assert answer.headers["allow"] == "POST"


async def test_a_refused_parameter_is_named_with_its_place(client: httpx.AsyncClient) -> None:
    answer = await client.get("/test/numbers/1?limit=x")

    assert [(error["field"], error["location"]) for error in answer.json()["errors"]] == [
        ("limit", "query")
    ]


async def test_of_many_refused_fields_the_first_ones_are_named(client: httpx.AsyncClient) -> None:
    body = {"contacts": [{"kind": "card"}] * (MAX_REPORTED_ERRORS + 1)}

    of_a_body = await client.post("/test/form", json=body)
    of_a_query = await client.get("/v1/sources", params={f"a{n}": n for n in range(200)})

    for answer in (of_a_body, of_a_query):
        assert answer.status_code == 422
        assert len(answer.json()["errors"]) == MAX_REPORTED_ERRORS


@pytest.mark.parametrize("path", ["/test/crash", "/test/constraint"])
async def test_a_crash_tells_neither_caller_nor_log_what_was_sent(
    client: httpx.AsyncClient, path: str
) -> None:
    written = io.StringIO()
    configure_logs(stream=written)

    answer = await client.post(path, json={"name": SECRET})

    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/internal-error"
    assert SECRET not in answer.text
    assert SECRET not in written.getvalue()
    line = next(
        line
        for line in map(json.loads, written.getvalue().splitlines())
        if line["event"] == "http.unexpected_error"
    )
    assert line["request_id"] == answer.json()["request_id"]
    assert line["exception"][0]["type"] in {
        "builtins.RuntimeError",
        "sqlalchemy.exc.IntegrityError",
    }
    assert any("test_problems.py" in frame for frame in line["exception"][0]["frames"])


async def test_a_crash_is_a_problem_also_where_the_log_is_for_people(
    client: httpx.AsyncClient,
) -> None:
    written = io.StringIO()
    configure_logs(stream=written, log_format="console")

    answer = await client.post("/test/constraint", json={"name": SECRET})

    configure_logs(level="error")
    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/internal-error"
    lines = written.getvalue().splitlines()
    assert "sqlalchemy.exc.IntegrityError" in lines
    assert any(line.startswith("  ") and "test_problems.py" in line for line in lines)
    assert any("sqlstate=23" in line for line in lines)
    assert SECRET not in written.getvalue()
