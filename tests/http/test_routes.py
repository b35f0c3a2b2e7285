"""All routes at once: none is open by accident, and the description on disk is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.routing import Mount

from rcu.access.models import Scope
from rcu.api_description import api_routes, required_scopes
from rcu.app import create_app
from rcu.db.engine import Database
from rcu.http.routing import ApiRoute
from rcu.openapi import FILE, openapi_document
from tests.service_client import TEST_SETTINGS, bearer, issue_key, running_app

OPEN = {
    ("GET", "/"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/problems"),
    ("GET", "/problems/{kind}"),
}
"""The operations that need no API key. Adding to it is a decision about security."""

OF_A_TILL = {
    ("GET", "/v1/purposes"),
    ("POST", "/v1/batch"),
    ("POST", "/v1/consents"),
    ("POST", "/v1/events"),
    ("POST", "/v1/orders"),
    ("POST", "/v1/profiles"),
    ("POST", "/v1/tickets"),
    ("POST", "/v1/tickets/claim"),
    ("POST", "/v1/loyalty/holds"),
    ("POST", "/v1/loyalty/holds/{hold_id}/capture"),
    ("POST", "/v1/loyalty/holds/{hold_id}/void"),
    ("POST", "/v1/loyalty/quote"),
    ("POST", "/v1/loyalty/redeem"),
    ("POST", "/v1/loyalty/referral-codes"),
    ("POST", "/v1/loyalty/referrals"),
    ("POST", "/v1/loyalty/transfers"),
}
"""The operations that the key of a till may call, which stands in many machines. Likewise."""


def called(path: str) -> str:
    """Return a path of a template, with ids that nothing has."""
    return re.sub(r"\{[^}]*\}", "00000000-0000-7000-8000-000000000000", path)


async def test_every_operation_that_is_not_open_on_purpose_asks_for_a_key(
    database: Database,
) -> None:
    powerless = {
        scope: await issue_key(database, *(set(Scope) - {scope, Scope.INGEST})) for scope in Scope
    }
    async with running_app(database) as (app, client):
        for method, path, _, dependant in api_routes(app):
            if (method, path) in OPEN:
                continue
            scopes = list(required_scopes(dependant))

            assert scopes, f"{method} {path} is open by accident"
            assert (await client.request(method, called(path))).status_code == 401
            for scope in scopes:
                answer = await client.request(
                    method, called(path), headers=bearer(powerless[Scope(scope)])
                )

                assert answer.status_code == 403, f"{method} {path} without {scope}"
                assert answer.json()["missing_scope"] == scope


def test_the_key_of_a_till_sends_and_spends_and_reads_nobody() -> None:
    till = {Scope.INGEST, Scope.LOYALTY_SPEND}

    opened = {
        (method, path)
        for method, path, _, dependant in api_routes(create_app(TEST_SETTINGS))
        if (scopes := set(required_scopes(dependant))) and scopes <= till
    }

    assert opened == OF_A_TILL


def test_every_route_bounds_its_body() -> None:
    app = create_app(TEST_SETTINGS)

    assert not [route for route in app.routes if isinstance(route, Mount)]
    for method, path, route, _ in api_routes(app):
        assert isinstance(route, ApiRoute), f"{method} {path} needs rcu.http.routing.api_router"


def test_the_description_says_which_operations_need_a_key() -> None:
    app = create_app(TEST_SETTINGS)
    document = app.openapi()

    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            is_open = (method.upper(), path) in OPEN
            assert ("security" in operation) is not is_open
            assert ("401" in operation["responses"]) is not is_open
            assert operation["description"]
            assert operation["tags"]


def test_the_description_on_disk_is_that_of_the_code() -> None:
    kept = Path(__file__).parents[2] / FILE
    if not kept.is_file():
        pytest.skip("installed without the repository")

    assert kept.read_bytes() == openapi_document(), "run `make openapi`"


async def test_the_type_of_every_declared_problem_is_a_page_that_explains_it(
    database: Database,
) -> None:
    async with running_app(database) as (app, client):
        kinds = {
            example["value"]["type"]
            for methods in app.openapi()["paths"].values()
            for operation in methods.values()
            for answer in operation["responses"].values()
            for content in answer.get("content", {}).values()
            for example in content.get("examples", {}).values()
            if "type" in example["value"]
        }
        pages = {kind: await client.get(kind) for kind in kinds}
        listed = (await client.get("/problems")).text

        assert len(kinds) > 20
        for kind, page in pages.items():
            assert page.status_code == 200, kind
            assert kind in page.text
            assert kind in listed
        assert (await client.get("/problems/none-such")).status_code == 404
