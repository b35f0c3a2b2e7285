"""The review queue: which pairs a steward should look at first, and what he says of them."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients.review_schemas import (
    Review,
    ReviewEvidence,
    ReviewJudgement,
    ReviewRecord,
    ReviewState,
)
from rcu.db.engine import Database
from rcu.db.statements import fetch
from rcu.identity.decision_models import Verdict
from rcu.identity.decisions import Instruction, Statement
from rcu.identity.errors import ClientNotFoundError, ReviewChangedError, ReviewNotFoundError
from rcu.identity.model import Model
from rcu.identity.repository import Pair
from rcu.identity.scoring import probability
from rcu.identity.stewardship import Decided, judge_pair
from rcu.identity.turns import take_turn

if TYPE_CHECKING:
    import asyncpg

_QUEUE: Final = files("rcu.clients").joinpath("reviews.sql").read_text(encoding="utf-8")
_REVIEW: Final = files("rcu.clients").joinpath("review.sql").read_text(encoding="utf-8")
_SAMPLE: Final = files("rcu.clients").joinpath("sample.sql").read_text(encoding="utf-8")

_ID_BYTES: Final = 32
_ID_LENGTH: Final = 43

GroupPlace = tuple[bool, float, UUID, UUID]
"""Whether a group comes last for being unsure, its usefulness, and its two clients."""


def review_id(pair: Pair) -> str:
    """Return the id of the review of a pair: the two record ids, packed."""
    return urlsafe_b64encode(pair[0].bytes + pair[1].bytes).rstrip(b"=").decode("ascii")


def pair_of(id_: str) -> Pair:
    """Return the pair that a review is of; raise `ReviewNotFoundError` for what is no id of one."""
    try:
        packed = urlsafe_b64decode(id_ + "=") if len(id_) == _ID_LENGTH else b""
    except ValueError:
        packed = b""
    if len(packed) != _ID_BYTES:
        raise ReviewNotFoundError
    left_id, right_id = UUID(bytes=packed[:16]), UUID(bytes=packed[16:])
    if left_id >= right_id:  # a pair stands in order, and is of two
        raise ReviewNotFoundError
    return left_id, right_id


# --- reading ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filters:
    """Which pairs to list; None for all."""

    client_id: UUID | None = None
    source: str | None = None
    decision: str | None = None
    guard: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Two clients, and the reviews of pairs between them."""

    client_ids: tuple[UUID, UUID]
    is_unsure: bool
    usefulness: float
    pairs: int
    tickets: int
    amount_cents: int
    reviews: Sequence[Review]

    @property
    def place(self) -> GroupPlace:
        """Where the queue goes on after this group."""
        return (self.is_unsure, self.usefulness, *self.client_ids)


async def list_groups(
    database: Database,
    filters: Filters,
    *,
    model: Model,
    after: GroupPlace | None = None,
    limit: int,
) -> list[Group]:
    """Return up to `limit` groups of reviews after a place, most useful first."""
    async with database.driver_connection() as connection:
        rows = await connection.fetch(
            _QUEUE,
            model.link_weight,
            filters.client_id,
            filters.source,
            filters.decision,
            filters.guard,
            filters.state,
            *(after or (None, None, None, None)),
            limit,
        )
        pairs = [
            pair for row in rows for pair in zip(row["left_ids"], row["right_ids"], strict=True)
        ]
        found = await connection.fetch(_REVIEW, [a for a, _ in pairs], [b for _, b in pairs])
    reviews = {(row["left_id"], row["right_id"]): _review(row) for row in found}
    return [
        Group(
            client_ids=(row["a"], row["b"]),
            is_unsure=row["is_unsure"],
            usefulness=row["usefulness"],
            pairs=row["pairs"],
            tickets=row["tickets"],
            amount_cents=row["amount_cents"],
            reviews=[
                reviews[pair]
                for pair in zip(row["left_ids"], row["right_ids"], strict=True)
                if pair in reviews
            ],
        )
        for row in rows
    ]


async def list_sample(
    database: Database, *, after: str = "", limit: int
) -> tuple[list[Review], str | None]:
    """Return linked pairs that nobody judged, in an order of no meaning, and the next place."""
    async with database.driver_connection() as connection:
        rows = await connection.fetch(_SAMPLE, after, limit + 1)
        kept = rows[:limit]
        found = await connection.fetch(
            _REVIEW, [row["left_id"] for row in kept], [row["right_id"] for row in kept]
        )
    more = len(rows) > limit
    return [_review(row) for row in found], kept[-1]["digest"] if more else None


async def find_review(database: Database, id_: str) -> Review | None:
    """Return a review as it stands, or None when its records are not there."""
    left_id, right_id = pair_of(id_)
    async with database.driver_connection() as connection:
        rows = await connection.fetch(_REVIEW, [left_id], [right_id])
    return _review(rows[0]) if rows else None


def _review(row: asyncpg.Record) -> Review:
    weight = row["weight"]
    return Review(
        id=review_id((row["left_id"], row["right_id"])),
        version=row["version"],
        state=_state(row),
        left=ReviewRecord(
            source=row["left_source"],
            external_id=row["left_external_id"],
            client_id=row["left_client_id"],
        ),
        right=ReviewRecord(
            source=row["right_source"],
            external_id=row["right_external_id"],
            client_id=row["right_client_id"],
        ),
        weight=weight,
        probability=None if weight is None else probability(weight),
        decision=row["decision"],
        guard=row["contradiction"],
        evidence=[ReviewEvidence.model_validate(item) for item in row["evidence"] or ()],
        model_version=row["model_version"],
        judgement=None if row["verdict"] is None else _judgement(row),
    )


def _judgement(row: asyncpg.Record) -> ReviewJudgement:
    made_at: datetime = row["made_at"]
    return ReviewJudgement(
        verdict=Verdict(row["verdict"]),
        reason=row["reason"],
        author=row["author"],
        made_at=made_at,
        values_changed=not row["is_same"],
    )


def _state(row: asyncpg.Record) -> ReviewState:
    verdict, is_same = row["verdict"], row["is_same"]
    if verdict == Verdict.MATCH or (verdict == Verdict.NO_MATCH and is_same):
        return ReviewState.JUDGED
    if row["weight"] is None:
        return ReviewState.OUT_OF_QUESTION
    if row["left_client_id"] == row["right_client_id"]:
        return ReviewState.TOGETHER
    if verdict == Verdict.NO_MATCH:
        return ReviewState.ASKED_AGAIN
    return ReviewState.UNSURE if verdict == Verdict.UNSURE and is_same else ReviewState.NEW


# --- judging ------------------------------------------------------------------------------------


async def judge(
    session: AsyncSession,
    id_: str,
    verdict: Verdict,
    *,
    expected_version: str,
    instruction: Instruction,
    model: Model,
) -> Decided:
    """Keep a judgement of a pair, if the pair is still as the steward saw it.

    Raises `ReviewChangedError` with the review as it stands when it is not.
    """
    left_id, right_id = pair_of(id_)
    try:
        turn = await take_turn(session, {left_id, right_id})
    except ClientNotFoundError:
        raise ReviewNotFoundError from None
    rows: Any = await fetch(session, _REVIEW, [left_id], [right_id])
    if not rows:
        raise ReviewNotFoundError
    seen = _review(rows[0])
    if seen.version != expected_version:
        raise ReviewChangedError(id_, current=seen.model_dump(mode="json"))
    judgement = Statement(
        left_id,
        right_id,
        verdict,
        weight=seen.weight,
        was_together=seen.left.client_id == seen.right.client_id,
        model_version=seen.model_version,
    )
    return await judge_pair(session, judgement, turn=turn, instruction=instruction, model=model)
