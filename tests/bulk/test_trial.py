"""A trial says what an activation would change, and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from uuid import UUID

import pytest

from rcu.bulk import trials
from rcu.bulk.activation import follow_activation
from rcu.bulk.duckdb_engine import DuckDBEngine
from rcu.bulk.jobs import OpenEngine, is_job_waiting
from rcu.bulk.trial import estimate
from rcu.bulk.trial_joins import Tie, spanning_ties
from rcu.bulk.trials import KeptLine, KeptTrial, TrialNotFoundError
from rcu.bulk.work import carry_out_trials
from rcu.db.engine import Database
from rcu.identity.model_version_models import JobState
from rcu.identity.scoring import Decision, Evidence, PairScore, probability
from rcu.ingestion.messages import TicketMessage
from rcu.ingestion.service import receive_all
from tests.bulk.crowd import crowd
from tests.bulk.sending import profile_messages, rows
from tests.bulk.test_activation import ACTIVE, send
from tests.identity.test_model_versions import SHIPPED, STRICT, activate, document, keep
from tests.ingestion.shop import sale

EVERYTHING = (
    "SELECT id, client_id, placement, version, changed_at FROM source_record ORDER BY id",
    "SELECT id, version, retired_at FROM client ORDER BY id",
    "SELECT left_id, right_id, weight, decision, model_version FROM record_pair ORDER BY 1, 2",
    "SELECT count(*) FROM identity_change",
)


@pytest.fixture(scope="module")
def engine() -> Iterator[OpenEngine]:
    """Give one engine for all tests: what takes longest is to start its processes."""
    with DuckDBEngine(processes=1) as running:
        yield lambda: nullcontext(running)


async def hold_trial(
    database: Database, engine: OpenEngine, version: str
) -> tuple[KeptTrial, list[KeptLine]]:
    """Ask for a trial, carry it out, and read it."""
    asked = await database.run(partial(trials.ask_trial, version=version, actor="ada"))
    assert asked.state == JobState.WAITING
    assert await is_job_waiting(database)
    assert await carry_out_trials(database, engine, region="FR") == (asked.id,)
    kept = await database.run(partial(trials.get_trial, trial_id=asked.id))
    return kept, await _lines(database, asked.id)


async def _lines(database: Database, trial_id: UUID, kind: str | None = None) -> list[KeptLine]:
    """Read all lines of a trial, a few at a time."""
    lines: list[KeptLine] = []
    after = 0
    while page := await database.run(
        partial(trials.list_lines, trial_id=trial_id, kind=kind, after=after, limit=7)
    ):
        lines += page
        after = page[-1].position
    return lines


async def test_a_trial_changes_nothing_and_foretells_what_the_activation_changes(
    open_database: Database, engine: OpenEngine
) -> None:
    people = crowd(90, seed=51)
    await send(open_database, profile_messages(people))
    sold = [
        TicketMessage.model_validate(sale(customer={"external_id": message.external_id}))
        for source, message in profile_messages(people)
        if source == "pos"
    ]
    await receive_all(open_database, source="pos", messages=sold, context=ACTIVE)
    await keep(open_database, STRICT)
    before = [await rows(open_database, query) for query in EVERYTHING]

    there, lost = await hold_trial(open_database, engine, "strict")
    assert [await rows(open_database, query) for query in EVERYTHING] == before
    await activate(open_database, "strict")
    await follow_activation(open_database, engine, region="FR")
    after = await rows(open_database, EVERYTHING[0])
    back, gained = await hold_trial(open_database, engine, SHIPPED.version)

    assert there.figures is not None
    assert back.figures is not None
    moved = sum(one[1] != other[1] for one, other in zip(before[0], after, strict=True))
    assert 0 < there.figures["moved_records"] <= moved
    assert there.figures["merges_lost"] == back.figures["merges_gained"] == len(lost) > 0
    assert there.figures["merges_gained"] == back.figures["merges_lost"] == 0
    split = there.figures["clients_after"] - there.figures["clients_before"]
    assert split == there.figures["merges_lost"]
    assert there.figures["tickets"] > 0
    assert (there.against_version, back.against_version) == (SHIPPED.version, "strict")
    assert {line.kind for line in lost} == {"lost"}
    assert {line.kind for line in gained} == {"gained"}
    assert [line.tickets for line in lost] == sorted((n.tickets for n in lost), reverse=True)
    clients_after = {one[0]: one[1] for one in after}
    for line in lost:
        assert clients_after[line.left.id] != clients_after[line.right.id]
        assert line.left.id in {record.id for record in line.left_records}
        assert line.right.external_id is not None
        assert line.before["decision"] == "link"
        assert line.after["decision"] != "link"
        assert {item["attribute"] for item in line.after["evidence"]}


async def test_lines_are_read_by_kind(open_database: Database, engine: OpenEngine) -> None:
    await send(open_database, profile_messages(crowd(60, seed=52)))
    await keep(open_database, STRICT)

    kept, lines = await hold_trial(open_database, engine, "strict")

    assert await _lines(open_database, kept.id, "gained") == []
    assert await _lines(open_database, kept.id, "lost") == lines


async def test_a_trial_of_what_is_active_finds_nothing(
    open_database: Database, engine: OpenEngine
) -> None:
    await send(open_database, profile_messages(crowd(40, seed=53)))
    await keep(open_database, document("same"))

    kept, lines = await hold_trial(open_database, engine, "same")

    assert kept.figures is not None
    assert lines == []
    assert kept.figures["touched_clients"] == kept.figures["tickets"] == 0
    assert kept.figures["gained_precision"] is kept.figures["lost_precision"] is None


async def test_a_trial_that_fails_says_so_and_holds_up_no_other(
    open_database: Database, engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("rcu.bulk.work.try_model", fail)
    with pytest.raises(RuntimeError):
        await hold_trial(open_database, engine, SHIPPED.version)

    assert await rows(open_database, "SELECT state, failure FROM model_trial") == [
        ("failed", "unexpected")
    ]
    assert not await is_job_waiting(open_database)


async def test_an_unknown_trial_is_not_found(open_database: Database) -> None:
    with pytest.raises(TrialNotFoundError):
        await open_database.run(partial(trials.get_trial, trial_id=UUID(int=1)))


# --- pure ---------------------------------------------------------------------------------------


def test_sides_are_joined_by_the_strongest_ties_that_join_them_all() -> None:
    members = {"a": [1, 2], "b": [3], "c": [4]}
    ties = [
        Tie(5.0, "a", 2, "b", 3),
        Tie(9.0, "b", 3, "c", 4),
        Tie(7.0, "a", 1, "c", 4),
    ]

    assert list(spanning_ties(members, ties)) == [ties[1], ties[2]]


def test_sides_without_a_tie_are_joined_by_their_first_records() -> None:
    members = {"b": [3], "a": [2, 1], "c": [4]}

    found = list(spanning_ties(members, [Tie(5.0, "a", 2, "b", 3)]))

    assert found == [Tie(5.0, "a", 2, "b", 3), Tie(0.0, "a", 1, "c", 4)]


def score(weight: float, decision: Decision = Decision.LINK) -> PairScore:
    return PairScore(
        weight, probability(weight), (Evidence("email", "exact", 1, 1),), None, decision
    )


def test_links_of_like_weight_as_judged_pairs_are_estimated_from_these() -> None:
    judged = [(score(14.0), True)] * 8 + [(score(14.0), False)] * 2

    found = estimate([score(15.0)] * 50, judged)

    assert found is not None
    assert found.value == pytest.approx(0.8)
    assert found.low < 0.8 < found.high < 1
    assert found.judged_share == 1


def test_links_that_nobody_judged_the_like_of_count_as_the_model_has_it() -> None:
    found = estimate([score(15.0)] * 10, [(score(3.0), True)])

    assert found is not None
    assert found.value == pytest.approx(1, abs=1e-4)
    assert (found.low, found.high, found.judged_share) == (0, 1, 0)
    assert estimate([], []) is None
