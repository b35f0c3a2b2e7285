"""What holds of a set of statements: in words, and the same in the database."""

from __future__ import annotations

import itertools
from datetime import timedelta
from uuid import UUID

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients.view import VIEW
from rcu.consent.effective import ConsentStatus, Key, Statement, effective
from rcu.consent.repository import ConsentRow, add_consents
from rcu.db.statements import fetch
from rcu.db.writes import Writes
from rcu.ids import uuid7
from tests.factories import NOON, make_record, make_source

CHANNELS: dict[str, list[str]] = {
    "newsletter": ["email"],
    "marketing": ["email", "sms", "phone", "post", "push"],
    "profiling": [],
}
_numbers = itertools.count(1)

GRANTED, DENIED, WITHDRAWN = ConsentStatus.GRANTED, ConsentStatus.DENIED, ConsentStatus.WITHDRAWN


@st.composite
def statement(draw: st.DrawFn) -> Statement:
    """Give a statement of a few purposes, channels, moments and sources: ties are common."""
    purpose = draw(st.sampled_from(sorted(CHANNELS)))
    channels = frozenset(CHANNELS[purpose])
    is_narrow: bool = draw(st.booleans())
    if channels and is_narrow:
        channels = frozenset({draw(st.sampled_from(CHANNELS[purpose]))})
    return Statement(
        source=draw(st.sampled_from(["pos", "eshop"])),
        message_id=draw(st.sampled_from(["a", "B", "é", "a-1"])),
        number=draw(st.integers(0, 1)),
        purpose=purpose,
        channels=channels,
        status=draw(st.sampled_from(ConsentStatus)),
        occurred_at=NOON + timedelta(minutes=draw(st.integers(0, 3))),
    )


def key_of(one: Statement) -> tuple[str, str, int]:
    return one.source, one.message_id, one.number


statements = st.lists(statement(), max_size=8, unique_by=key_of)


@given(statements, st.data())
def test_neither_order_nor_repetition_matters(said: list[Statement], data: st.DataObject) -> None:
    again = data.draw(st.permutations(said + said[:3]))

    assert effective(again) == effective(said)


@given(statements)
def test_a_grant_holds_only_while_nothing_later_or_at_once_says_otherwise(
    said: list[Statement],
) -> None:
    told = effective(said)

    for key in {key for one in said for key in one.keys}:
        about = [one for one in said if key in one.keys]
        grants = [one.occurred_at for one in about if one.status is GRANTED]
        refusals = [one.occurred_at for one in about if one.status is not GRANTED]
        holds = bool(grants) and all(max(grants) > at for at in refusals)
        assert (told[key].status is GRANTED) is holds
    assert told.keys() == {key for one in said for key in one.keys}


@given(statements, statements)
def test_two_clients_made_one_have_of_each_the_stronger(
    one: list[Statement], other: list[Statement]
) -> None:
    together = effective([*one, *other])
    apart = effective(one), effective(other)

    for key, held in together.items():
        assert held in [side[key] for side in apart if key in side]
    assert together == effective([*apart[0].values(), *apart[1].values()])


def at(minute: int, status: ConsentStatus, purpose: str = "newsletter") -> Statement:
    channels = frozenset(CHANNELS[purpose])
    when = NOON + timedelta(minutes=minute)
    return Statement("pos", f"m{minute}{status}", 0, purpose, channels, status, when)


def test_of_one_instant_the_most_restrictive_counts() -> None:
    key: Key = ("newsletter", "email")

    assert effective([at(0, GRANTED), at(0, DENIED)])[key].status is DENIED
    assert effective([at(0, WITHDRAWN), at(0, DENIED)])[key].status is WITHDRAWN
    assert effective([at(0, WITHDRAWN), at(1, GRANTED)])[key].status is GRANTED


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[int, Statement]]:
    """Give statements, each with the number of the record that it hangs on."""
    said = draw(st.lists(statement(), max_size=24, unique_by=key_of))
    return [(draw(st.integers(0, 3)), one) for one in said]


@given(history=histories())
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_the_database_tells_the_same(
    session: AsyncSession, history: list[tuple[int, Statement]]
) -> None:
    for code in ("pos", "eshop"):
        await make_source(session, code)
    clients = [(await make_record(session)).id for _ in range(2)]
    others = [(await make_record(session, client_id=client_id)).id for client_id in clients]
    records = clients + others
    # Message ids are unique for ever: each example has its own.
    prefix = f"{next(_numbers)}-"
    rows = [row_of(one, records[place], prefix) for place, one in history]
    writes = Writes(session)
    await add_consents(writes, rows, at=NOON)
    await writes.send()
    said = {row.id: one for row, (_, one) in zip(rows, history, strict=True)}

    told = await fetch(session, "SELECT * FROM effective_consents($1, $2)", clients * 2, records)
    shown = await fetch(session, _SHOWN, clients)

    for parity, client_id in enumerate(clients):
        expected = effective(one for place, one in history if place % 2 == parity)
        for found in (
            [row for row in told if row["group_id"] == client_id],
            [row for row in shown if row["client_id"] == client_id],
        ):
            assert {
                (row["purpose"], row["channel"]): (
                    row["status"],
                    row["since"],
                    said[row["consent_id"]],
                )
                for row in found
            } == {key: (one.status, one.occurred_at, one) for key, one in expected.items()}
        [(view,)] = await fetch(session, VIEW, client_id)
        assert {
            (one["purpose"], one["channel"]): (one["status"], one["since"])
            for one in orjson.loads(view)["consents"]
        } == {key: (one.status, one.occurred_at.isoformat()) for key, one in expected.items()}


_SHOWN = "SELECT * FROM analytics.client_consents WHERE client_id = ANY ($1::uuid[])"


def row_of(one: Statement, record_id: UUID, prefix: str) -> ConsentRow:
    is_whole = len(one.channels) != 1
    return ConsentRow(
        uuid7(), one.source, prefix + one.message_id, one.number, record_id, one.purpose,
        None if is_whole else next(iter(one.channels)), one.status, one.occurred_at, "form", None,
        None, None,
    )  # fmt: skip
