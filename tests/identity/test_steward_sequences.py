"""Any sequence of merges, splits, undos, profiles and consents ends as the reference says."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import URL

from rcu.clients.history import find_client_then
from rcu.consent.effective import ConsentStatus, Key, Statement, effective
from rcu.db.engine import Database
from rcu.identity.features import Features
from tests.identity.steward_model import Partition, Stewards, partition_of
from tests.ingestion.shop import Shop, clear, consent, open_shop, sale, unsound

SEQUENCES = int(os.environ.get("RCU_TEST_SEQUENCES", "25"))
"""Random sequences to run: `make test-long` runs a thousand."""

STEPS = 16
RECORDS = [("pos", "P1"), ("pos", "P2"), ("eshop", "E1"), ("eshop", "E2"), ("app", "A1"),
           ("app", "A2"), ("loyalty", "L1"), ("loyalty", "L2")]  # fmt: skip
PEOPLE: list[dict[str, Any]] = [
    {"given_name": given, "family_name": family, "birth_date": born, "emails": [email]}
    for given, family, born, email in (
        ("Odile", "Vasseur", "1971-05-04", "odile.vasseur@mail.example"),
        ("Basile", "Kermadec", "1990-10-30", "basile.k@mail.example"),
        ("Ines", "Touzeau", "1984-02-17", "ines.touzeau@mail.example"),
    )
]

T = TypeVar("T")
positions = st.integers(0, len(RECORDS) - 1)


class World:
    """The service on a database, driven from outside any event loop."""

    def __init__(self, url: URL) -> None:
        self._runner = asyncio.Runner()
        self.database = Database(url)
        self._opened = open_shop(self.database)
        self.shop: Shop = self.run(self._opened.__aenter__())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def close(self) -> None:
        self.run(self._opened.__aexit__(None, None, None))
        self.run(self.database.close())
        self._runner.close()


class Stewardship(RuleBasedStateMachine):
    """Stewards and sources at work on a few records of a few people."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.stewards = Stewards()
        self.minute = 0
        self.snapshots: list[tuple[datetime, dict[UUID, UUID]]] = []
        self.said: dict[str, tuple[UUID, Statement]] = {}

    # --- what is there ---------------------------------------------------------------------------

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.world.run(work)

    def rows(self, statement: str) -> list[Any]:
        return self.run(self.world.shop.rows(statement))

    def profiles(self) -> dict[tuple[str, str], tuple[UUID, UUID]]:
        found = self.rows(
            "SELECT source, external_id, id, client_id FROM source_record WHERE kind = 'profile'"
        )
        return {(row[0], row[1]): (row[2], row[3]) for row in found}

    def members(self, position: int) -> tuple[UUID, list[tuple[tuple[str, str], UUID]]] | None:
        """Return the client of a record, with its records, oldest first."""
        profiles = self.profiles()
        if RECORDS[position] not in profiles:
            return None
        client_id = profiles[RECORDS[position]][1]
        found = [(key, id_) for key, (id_, client) in profiles.items() if client == client_id]
        return client_id, sorted(found, key=lambda item: item[1])

    def call(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        before = self.clients_of_records()
        response = self.run(self.world.shop.call("POST", path, {"reason": "a test"} | body))
        answer = response.json()
        if response.status_code == 200 and not answer["dry_run"]:
            expected = consent_changes(self.said, before, self.clients_of_records())
            changes = answer["effects"]["consent_changes"]
            assert sorted(tuple(map(str, change.values())) for change in changes) == expected
        return response.status_code, answer

    def clients_of_records(self) -> dict[UUID, UUID]:
        return dict(self.rows("SELECT id, client_id FROM source_record"))

    # --- what happens ----------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        self.run(clear(self.world.database))
        for position in range(4):
            self.send(position, position % len(PEOPLE))

    @rule(position=positions, person=st.integers(0, len(PEOPLE) - 1))
    def send(self, position: int, person: int) -> None:
        self.minute += 1
        source, external_id = RECORDS[position]
        said = PEOPLE[person]
        self.run(self.world.shop.profile(source, external_id, minute=self.minute, **said))

    @rule(person=st.integers(0, len(PEOPLE) - 1), token=st.sampled_from(["token-1", "token-2"]))
    def sell(self, person: int, token: str) -> None:
        customer = {"email": PEOPLE[person]["emails"][0]}
        self.run(self.world.shop.ticket(sale(token=token, customer=customer)))
        self.run(self.world.shop.ticket(sale(token=token)))

    @rule(
        position=positions,
        by_email=st.booleans(),
        status=st.sampled_from(ConsentStatus),
        purpose=st.sampled_from(["newsletter", "profiling"]),
        minute=st.integers(0, 3),
    )
    def say(
        self, position: int, *, by_email: bool, status: ConsentStatus, purpose: str, minute: int
    ) -> None:
        """Somebody grants or withdraws, under an account or by an e-mail alone."""
        source, external_id = RECORDS[position]
        if RECORDS[position] not in self.profiles():
            return
        email = PEOPLE[position % len(PEOPLE)]["emails"][0]
        who = {"email": email} if by_email else {"external_id": external_id}
        message = consent(status, purpose, minute=minute, **who)
        self.run(self.world.shop.accept(source, "consent", message))
        [(record_id,)] = self.rows(
            f"SELECT record_id FROM consent_record WHERE message_id = '{message['message_id']}'"
        )
        # Under the account itself, or apart from every account: never under the client.
        own = {key: id_ for key, (id_, _) in self.profiles().items()}
        assert record_id not in own.values() if by_email else record_id == own[source, external_id]
        channels = frozenset({"email"} if purpose == "newsletter" else ())
        at = datetime.fromisoformat(message["occurred_at"])
        self.said[message["message_id"]] = (
            record_id,
            Statement(source, message["message_id"], 0, purpose, channels, status, at),
        )

    @rule(one=positions, two=positions, dry_run=st.booleans())
    def merge(self, one: int, two: int, *, dry_run: bool) -> None:
        left, right = self.members(one), self.members(two)
        if left is None or right is None:
            return
        body = {"other_client_id": str(right[0]), "dry_run": dry_run}
        status, answer = self.call(f"clients/{left[0]}/merge", body)
        if left[0] == right[0]:
            assert (status, answer["type"]) == (409, "/problems/same-client")
        else:
            assert status == 200, answer
            if not dry_run:
                ids = [[id_ for _, id_ in side[1]] for side in (left, right)]
                self.stewards.merge(answer["decision_id"], ids[0], ids[1])

    @rule(position=positions, data=st.data())
    def split(self, position: int, data: st.DataObject) -> None:
        found = self.members(position)
        if found is None or len(found[1]) < 2:
            return
        client_id, members = found
        number = data.draw(st.integers(1, len(members) - 1))
        out = data.draw(st.permutations(members))[:number]
        named = [{"source": source, "external_id": id_} for (source, id_), _ in out]
        status, answer = self.call(f"clients/{client_id}/split", {"records": named})
        assert status == 200, answer
        gone = [id_ for _, id_ in out]
        left = [id_ for _, id_ in members if id_ not in gone]
        self.stewards.split(answer["decision_id"], gone, left)

    @precondition(lambda self: self.stewards.decisions)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        # The last ones most often: chains of undos are where it is easy to go wrong.
        backwards = data.draw(
            st.one_of(st.just(0), st.integers(0, len(self.stewards.decisions) - 1))
        )
        undone = self.stewards.decisions[-1 - backwards].id
        status, answer = self.call(f"identity-changes/{undone}/undo", {})
        if self.stewards.in_force(undone):
            assert status == 200, answer
            self.stewards.undo(answer["decision_id"], undone)
        else:
            assert (status, answer["type"]) == (409, "/problems/already-undone")

    @rule(data=st.data())
    def undo_what_the_service_joined(self, data: st.DataObject) -> None:
        joined = self.rows(
            "SELECT id, record_ids, client_id, recorded_at FROM identity_change "
            "WHERE kind = 'merge' AND decision_id IS NULL ORDER BY recorded_at"
        )
        if not joined:
            return
        change_id, moved, client_id, at = data.draw(st.sampled_from(joined))
        status, answer = self.call(f"identity-changes/{change_id}/undo", {})
        if status == 409:
            assert answer["type"] in {"/problems/already-undone", "/problems/placed-by-rule"}
            return
        assert status == 200, answer
        before = max((s for s in self.snapshots if s[0] < at), key=lambda s: s[0])[1]
        after = min((s for s in self.snapshots if s[0] > at), key=lambda s: s[0])[1]
        profiles = {id_ for id_, _ in self.profiles().values()}
        others = [id_ for id_, client in before.items() if client == client_id == after[id_]]
        self.stewards.part(
            answer["decision_id"],
            profiles.intersection(moved),
            profiles.intersection(others).difference(moved),
        )

    @rule(one=positions, two=positions)
    def merge_and_back(self, one: int, two: int) -> None:
        left, right = self.members(one), self.members(two)
        if left is None or right is None or left[0] == right[0]:
            return
        before = self.export()
        self.merge(one, two, dry_run=False)
        self.call(f"identity-changes/{self.stewards.decisions[-1].id}/undo", {})
        self.stewards.decisions.pop()
        assert self.export() == before

    # --- what must hold --------------------------------------------------------------------------

    @invariant()
    def the_partition_is_that_of_the_reference(self) -> None:
        found = self.rows(
            "SELECT id, client_id, features, source, external_id FROM source_record "
            "WHERE kind = 'profile'"
        )
        features = {row[0]: Features.from_json(row[2]) for row in found}
        keys = {row[0]: (row[3], row[4]) for row in found}
        current: Partition = {row[0]: row[1] for row in found}
        assert current == partition_of(features, keys, self.stewards)

    @invariant()
    def what_was_said_stays_under_its_record_and_holds_for_its_client(self) -> None:
        kept = self.rows("SELECT message_id, record_id FROM consent_record")
        assert dict(kept) == {name: record_id for name, (record_id, _) in self.said.items()}
        told = self.rows(
            "SELECT e.group_id, e.purpose, e.channel, e.status, e.since, c.message_id FROM ("
            "    SELECT array_agg(client_id) AS clients, array_agg(id) AS ids FROM source_record"
            ") whole CROSS JOIN LATERAL effective_consents(clients, ids) e "
            "JOIN consent_record c ON c.id = e.consent_id"
        )
        held = held_by(self.said, self.clients_of_records())
        assert {tuple(row) for row in told} == {
            (client_id, *key, one.status, one.occurred_at, one.message_id)
            for client_id, consents in held.items()
            for key, one in consents.items()
        }

    @invariant()
    def all_is_sound(self) -> None:
        async def check() -> list[tuple[str, str]]:
            async with self.world.database.transaction() as session:
                return await unsound(session)

        assert self.run(check()) == []

    @invariant()
    def take_a_snapshot(self) -> None:
        found = self.rows("SELECT id, client_id FROM source_record")
        self.snapshots.append((datetime.now(UTC), {row[0]: row[1] for row in found}))

    def export(self) -> list[Any]:
        return [
            self.rows("SELECT id, client_id, placement FROM source_record ORDER BY id"),
            self.rows("SELECT client_id, golden::text FROM golden_record ORDER BY 1"),
            self.rows("SELECT id FROM client WHERE retired_at IS NULL ORDER BY 1"),
            self.rows(
                "SELECT left_id, right_id, verdict FROM judgement WHERE revoked_at IS NULL "
                "ORDER BY 1, 2"
            ),
        ]

    def teardown(self) -> None:
        for at, snapshot in self.snapshots:
            for client_id in set(snapshot.values()):
                then = self.run(
                    find_client_then(self.world.database, client_id, at, limit=len(RECORDS) * 9)
                )
                assert then is not None
                assert then.client_id == client_id
                members = {record.id for record in then.records}
                assert members == {id_ for id_, own in snapshot.items() if own == client_id}


Said = dict[str, tuple[UUID, Statement]]


def held_by(said: Said, clients: dict[UUID, UUID]) -> dict[UUID, dict[Key, Statement]]:
    """Return what holds for each client, reckoned from what hangs on its records."""
    by_client: dict[UUID, list[Statement]] = {}
    for record_id, statement in said.values():
        by_client.setdefault(clients[record_id], []).append(statement)
    return {client_id: effective(statements) for client_id, statements in by_client.items()}


def consent_changes(
    said: Said, before: dict[UUID, UUID], after: dict[UUID, UUID]
) -> list[tuple[str, ...]]:
    """Return what a decision makes of consents: client before and after, key, was, and now."""
    touched = {at[id_] for id_ in after for at in (before, after) if before[id_] != after[id_]}
    was, now = held_by(said, before), held_by(said, after)
    changes = set[tuple[str, ...]]()
    for one, other in {(before[id_], after[id_]) for id_ in after if after[id_] in touched}:
        left, right = was.get(one, {}), now.get(other, {})
        for key in left.keys() | right.keys():
            statuses = [side[key].status if key in side else None for side in (left, right)]
            if statuses[0] != statuses[1]:
                changes.add(tuple(map(str, (one, other, *key, *statuses))))
    return sorted(changes)


@pytest.fixture
def world(anyio_backend: str, database_url: URL) -> Iterator[World]:  # noqa: ARG001
    """Give the service to a test that is no coroutine: Hypothesis drives it."""
    opened = World(database_url)
    yield opened
    opened.close()


def test_any_sequence_of_decisions_ends_as_the_reference_says(world: World) -> None:
    Stewardship.world = world
    run_state_machine_as_test(
        Stewardship,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
