"""No personal data in a URL, a log line or an error of these routes."""

from __future__ import annotations

import io
import json

import httpx
import pytest

from rcu.clients.endpoints import router
from rcu.db.engine import Database
from rcu.logs import configure_logs
from tests.factories import make_record

SECRETS = ("Quenouille", "quenouille", "199001245", "quen@laposte.net", "2900010012841", "tok-9876")
REQUESTS = [
    ("/v1/clients/lookup", {"email": "quen@laposte.net"}),
    ("/v1/clients/lookup", {"phone": "0199001245"}),
    ("/v1/clients/lookup", {"card": "2900010012841"}),
    ("/v1/clients/lookup", {"payment_token": "tok-9876"}),
    ("/v1/clients/lookup", {"email": "Quenouille"}),
    ("/v1/clients/lookup", {"phone": "Quenouille", "email": "quen@laposte.net"}),
    ("/v1/clients/search", {"text": "Quenouille"}),
    ("/v1/clients/search", {"text": "Quenouille", "limit": "Quenouille"}),
    ("/v1/clients/search", {"text": "Quenouille" * 30}),
]


@pytest.fixture
def log_lines() -> io.StringIO:
    """Give the text that the service logs from now on, every level of it."""
    return io.StringIO()


async def test_the_log_lines_of_these_routes_hold_no_value_that_was_sent(
    database: Database, reader: httpx.AsyncClient, log_lines: io.StringIO
) -> None:
    async with database.transaction() as session:
        await make_record(
            session,
            family_name="Quenouille",
            emails=["quen@laposte.net"],
            phones=["0199001245"],
            cards=["2900010012841"],
            identifiers=[{"kind": "payment_token", "value": "tok-9876"}],
        )
    configure_logs(level="debug", stream=log_lines)

    for path, body in REQUESTS:
        await reader.post(path, json=body)

    lines = log_lines.getvalue()
    assert lines.count("http.request") == len(REQUESTS)
    assert not [secret for secret in SECRETS if secret in lines]


async def test_a_refusal_does_not_repeat_what_was_sent(reader: httpx.AsyncClient) -> None:
    for path, body in REQUESTS:
        response = await reader.post(path, json=body)
        if response.status_code != 200:
            assert not [secret for secret in SECRETS if secret in response.text]


async def test_a_broken_query_is_logged_without_its_values(
    reader: httpx.AsyncClient, log_lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rcu.clients.repository.CANDIDATE_CAP", "none")
    configure_logs(level="debug", stream=log_lines)

    response = await reader.post("/v1/clients/search", json={"text": "Quenouille"})

    assert response.status_code == 500
    assert not [secret for secret in SECRETS if secret in log_lines.getvalue() + response.text]
    assert json.loads(log_lines.getvalue().splitlines()[0])["event"] == "http.unexpected_error"


def test_personal_values_are_asked_for_in_bodies_only() -> None:
    posted = {"/v1/clients/lookup", "/v1/clients/search"}
    for route in router.routes:
        path: str = getattr(route, "path", "")
        methods: set[str] = getattr(route, "methods", set())
        if path in posted:
            assert methods == {"POST"}
            posted.remove(path)
    assert not posted
