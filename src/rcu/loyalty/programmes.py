"""Versions of the programme: kept for ever, activated from a business day on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, NamedTuple, Self
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.active_version import SEEN, SeenVersion
from rcu.db.statements import fetch
from rcu.ids import uuid7
from rcu.loyalty.errors import NoProgrammeError, ProgrammeVersionTakenError
from rcu.loyalty.programme import BonusKind, Programme
from rcu.loyalty.programme_models import ProgrammeActivation, ProgrammeVersion

_PLAUSIBLE: Final = range(1900, 2200)
"""Years of business days that earn: a till whose clock is that wrong is not believed."""


class Activation(NamedTuple):
    """A version of the programme, and the first business day that it is put in force for."""

    effective_on: date
    version: str
    id: UUID


@dataclass(frozen=True, slots=True)
class InForce:
    """Which version of the programme holds on which business days."""

    activations: tuple[Activation, ...]
    """In the order in which they were made."""

    @classmethod
    def from_json(cls, activations: Iterable[tuple[str, str, str]]) -> Self:
        """Return it of days (ISO 8601), versions and ids, as the database tells them."""
        return cls(
            tuple(
                Activation(date.fromisoformat(day), version, UUID(activation_id))
                for day, version, activation_id in activations
            )
        )

    def version_on(self, day: date) -> str | None:
        """Return the version of a business day; None before there was any, or on no plausible day.

        The one that begins last, of those that have begun; of one day, the one activated last.
        """
        found = self._activation_on(day)
        return found.version if found else None

    def _activation_on(self, day: date) -> Activation | None:
        if day.year not in _PLAUSIBLE:
            return None
        begun = [(a.effective_on, n, a) for n, a in enumerate(self.activations)]
        begun = [activation for activation in begun if activation[0] <= day]
        return max(begun)[2] if begun else None

    async def load_on(self, session: AsyncSession, days: Iterable[date]) -> dict[str, Programme]:
        """Return the programmes of business days, by their versions.

        No round trip for what the process has read before: no activation ever changes.
        """
        seen: SeenVersion | None = session.info.get(SEEN)
        ready = _loaded.setdefault(seen, {}) if seen is not None else {}
        wanted = {a for day in days if (a := self._activation_on(day)) is not None}
        if missing := [a for a in wanted if a.id not in ready]:
            loaded = await load(session, {a.version for a in missing})
            ready |= {a.id: loaded[a.version] for a in missing}
        return {a.version: ready[a.id] for a in wanted}


_loaded: Final[WeakKeyDictionary[SeenVersion, dict[UUID, Programme]]] = WeakKeyDictionary()
"""Programmes that a process has read, by the ids of their activations, for each database."""


@lru_cache(maxsize=64)
def parsed(document: bytes) -> Programme:
    """Return the programme of a kept document; versions never change, so that it is read once."""
    return Programme.from_document(orjson.loads(document))


_DOCUMENTS = """
    SELECT version, document::text FROM programme_version WHERE version = ANY ($1::text[])
"""


async def load(session: AsyncSession, versions: Iterable[str]) -> dict[str, Programme]:
    """Return versions of the programme."""
    wanted = sorted(set(versions))
    if not wanted:
        return {}
    rows = await fetch(session, _DOCUMENTS, wanted)
    return {version: parsed(document.encode()) for version, document in rows}


_IN_FORCE = "SELECT effective_on, version, id FROM programme_activation ORDER BY id"


async def read_in_force(session: AsyncSession) -> InForce:
    """Return which versions are in force when."""
    return InForce(tuple(Activation(*row) for row in await fetch(session, _IN_FORCE)))


async def get_on(session: AsyncSession, day: date) -> Programme:
    """Return the programme in force on a business day; raise `NoProgrammeError` if none is."""
    version = (await read_in_force(session)).version_on(day)
    if version is None:
        raise NoProgrammeError
    return (await load(session, [version]))[version]


async def activate(
    session: AsyncSession, programme: Programme, *, effective_on: date, actor: str
) -> bool:
    """Put a version in force from a business day on; return whether that is new.

    What was earned before keeps the rules that it was earned by, whenever the goods come back.
    Raises `ProgrammeVersionTakenError` when the version stands for other rules already.
    """
    now = datetime.now(UTC)
    document = programme.to_document()
    await session.execute(
        insert(ProgrammeVersion)
        .values(version=programme.version, document=document, created_at=now, created_by=actor)
        .on_conflict_do_nothing()
    )
    kept = await session.get_one(ProgrammeVersion, programme.version, populate_existing=True)
    # As rules, not as text: a later release writes the same rules with members more.
    if Programme.from_document(kept.document) != programme:
        raise ProgrammeVersionTakenError(programme.version)
    in_force = await read_in_force(session)
    if in_force.version_on(effective_on) == programme.version:
        return False
    session.add(
        ProgrammeActivation(
            id=uuid7(),
            version=programme.version,
            effective_on=effective_on,
            activated_at=now,
            activated_by=actor,
        )
    )
    await session.flush()
    return True


async def list_activations(session: AsyncSession) -> list[ProgrammeActivation]:
    """Return all activations, the newest first."""
    statement = select(ProgrammeActivation).order_by(ProgrammeActivation.id.desc()).limit(500)
    return list(await session.scalars(statement))


# --- bonuses that are given once ----------------------------------------------------------------

_BIRTH_MONTH: Final = slice(5, 7)
MONTHS: Final = 12


def bonus_period(kind: BonusKind, day: date) -> str:
    """Return the period in which a bonus is given once: the year, or empty for ever."""
    return str(day.year) if kind is BonusKind.BIRTHDAY_MONTH else ""


def has_bonus(
    programme: Programme, given: Collection[tuple[str, str]], kind: BonusKind, *, day: date
) -> bool:
    """Say whether a bonus of a kind was given; `given` holds codes and periods."""
    period = bonus_period(kind, day)
    return any(b.kind is kind and (b.code, period) in given for b in programme.bonuses)


def birth_month_due(
    programme: Programme,
    given: Collection[tuple[str, str]],
    birth_date: str | None,
    *,
    day: date,
) -> int | None:
    """Return the month of birth; None when it is not known, or this year's bonus was given.

    `birth_date` is that of the golden record: ISO 8601, or whatever a source has said.
    """
    if has_bonus(programme, given, BonusKind.BIRTHDAY_MONTH, day=day):
        return None
    return birth_month(birth_date)


def birth_month(birth_date: str | None) -> int | None:
    """Return the month of a birth date as a golden record has it; None when it is not known."""
    month = (birth_date or "")[_BIRTH_MONTH]
    return int(month) if month.isdigit() and 1 <= int(month) <= MONTHS else None
