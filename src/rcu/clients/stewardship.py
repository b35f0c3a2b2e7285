"""Decisions of stewards from end to end: made once, or only rehearsed, with all that follows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.clients.effects import effects_of
from rcu.clients.following import tell_followers
from rcu.clients.service import rebuild
from rcu.db.engine import Database
from rcu.identity import decisions
from rcu.identity.decisions import Instruction
from rcu.identity.errors import DecisionIdReusedError
from rcu.identity.stewardship import Decided
from rcu.identity.turns import wait_for_turn

Deed = Callable[[AsyncSession], Awaitable[Decided]]
"""Makes a decision in a transaction."""


class _RehearsedError(Exception):
    """Takes back the transaction of a rehearsal, and brings its answer out."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__()
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Request:
    """A decision that is asked for, and how it is to be made."""

    instruction: Instruction
    dry_run: bool
    region: str


async def decide(database: Database, request: Request, deed: Deed) -> dict[str, Any]:
    """Make a decision, and return it with its effects, as `DecisionAnswer` describes it.

    A request that was answered before is answered the same, and nothing is done. A dry run does
    everything that moves records, in a transaction that is then rolled back: what it says is
    what would have happened, and its locks last some milliseconds.
    """

    async def work(session: AsyncSession) -> dict[str, Any]:
        await wait_for_turn(session)
        recorded = None if request.dry_run else await _find_recorded(session, request.instruction)
        if recorded is not None:
            return recorded
        decided = await deed(session)
        effects = await effects_of(session, decided.decision_id)
        if request.dry_run:
            _take_back(_answer(decided, effects, dry_run=True))
        answer = _answer(decided, effects, dry_run=False)
        await rebuild(session, decided.touched_client_ids, region=request.region)
        await tell_followers(session, decided.touched_client_ids)
        if request.instruction.message_id is not None:
            await decisions.record_answer(session, decided.decision_id, answer)
        return answer

    try:
        return await database.run(work)
    except _RehearsedError as rehearsed:
        return rehearsed.answer


def _take_back(answer: dict[str, Any]) -> NoReturn:
    raise _RehearsedError(answer)


def _answer(decided: Decided, effects: dict[str, Any], *, dry_run: bool) -> dict[str, Any]:
    return {
        "decision_id": None if dry_run else str(decided.decision_id),
        "dry_run": dry_run,
        "client_ids": [str(client_id) for client_id in decided.client_ids],
        "versions": {str(id_): version for id_, version in sorted(decided.versions.items())},
        "effects": effects,
    }


async def _find_recorded(session: AsyncSession, instruction: Instruction) -> dict[str, Any] | None:
    """Return what this request was answered before.

    Raises `DecisionIdReusedError` when its message id stands for another request.
    """
    if instruction.message_id is None:
        return None
    recorded = await decisions.find_recorded(session, instruction.actor, instruction.message_id)
    if recorded is None:
        return None
    if recorded.request_digest != instruction.request_digest:
        raise DecisionIdReusedError(instruction.message_id)
    return recorded.answer
