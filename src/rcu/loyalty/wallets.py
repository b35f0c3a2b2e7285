"""The points of a client as somebody who stands before us may spend them, locked.

All accounts of the client are locked, in the order of their records, before anything is read of
them: two who spend the same points at the same instant go one after the other, in whatever process.
The client is held before: whoever merges or splits it waits, and finds what was spent to settle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.errors import StaleReadError
from rcu.db.statements import fetch
from rcu.loyalty import repository
from rcu.loyalty.errors import (
    InsufficientPointsError,
    SpenderAmbiguousError,
    SpenderNotFoundError,
)
from rcu.loyalty.ledger import Crossing
from rcu.loyalty.lots import Lot, Taken, oldest_first, take, taken_points
from rcu.loyalty.reach import Held, IdentifierKey, reachable

PROVING_KINDS: Final = ("card", "app_user")
"""Kinds of identifiers that are shown, not told: to present one proves it."""


@dataclass(frozen=True, slots=True)
class Spender:
    """Who spends: under a record of the calling source, which vouches for it, or by a card."""

    source: str
    external_id: str | None
    presented: IdentifierKey | None
    """A normalised identifier of `PROVING_KINDS`."""


@dataclass(frozen=True, slots=True)
class FoundSpender:
    """The record and the client of a spender."""

    record_id: UUID
    client_id: UUID
    own: UUID | None
    """The record that the source vouches for."""
    proved: frozenset[IdentifierKey]


_BY_RECORD: Final = """
    SELECT r.id, r.client_id, c.known
    FROM source_record r JOIN client c ON c.id = r.client_id
    WHERE r.source = $1 AND r.external_id = $2
"""
# Who states it now. Where a source has verified that it is, or was, somebody's, to state it is not
# enough: it must be verified of the record that states it.
_BY_IDENTIFIER: Final = """
    SELECT (array_agg(held.id ORDER BY held.id))[1], held.client_id
    FROM (
        SELECT r.id, r.client_id, i.origin = 'profile' AS is_stated,
               i.verified_at IS NOT NULL AS is_verified,
               bool_or(i.verified_at IS NOT NULL) OVER () AS is_any_verified
        FROM identifier i JOIN source_record r ON r.id = i.record_id
        WHERE i.kind = $1 AND i.value = $2 AND i.origin IN ('profile', 'withdrawn')
          AND r.kind = 'profile'
    ) AS held
    WHERE held.is_stated AND (held.is_verified OR NOT held.is_any_verified)
    GROUP BY held.client_id
    LIMIT 20
"""


async def find_spender(session: AsyncSession, spender: Spender) -> FoundSpender:
    """Return who spends; raise `SpenderNotFoundError` or `SpenderAmbiguousError`."""
    proved = frozenset({spender.presented} if spender.presented else ())
    if spender.external_id is not None:
        rows = await fetch(session, _BY_RECORD, spender.source, spender.external_id)
        if not rows or not rows[0]["known"]:
            raise SpenderNotFoundError
        return FoundSpender(rows[0]["id"], rows[0]["client_id"], rows[0]["id"], proved)
    if spender.presented is None:
        raise SpenderNotFoundError
    rows = await fetch(session, _BY_IDENTIFIER, *spender.presented)
    if not rows:
        raise SpenderNotFoundError
    if len(rows) > 1:
        raise SpenderAmbiguousError(len(rows))
    return FoundSpender(rows[0][0], rows[0]["client_id"], None, proved)


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a record, locked."""

    record_id: UUID
    balance: int
    debt: int
    borne: int = 0
    """Points that a settlement gave it while the client was two, and that nobody has paid for."""


_BORNE: Final = """
    (SELECT coalesce(sum(c.borne), 0)::bigint
     FROM points_crossing c JOIN source_record s ON s.id = c.spender_id
     WHERE c.account_id = a.record_id AND c.borne > 0 AND s.client_id = r.client_id)
"""
_LOCK: Final = f"""
    SELECT a.record_id, a.balance, a.debt, {_BORNE}
    FROM points_account a JOIN source_record r ON r.id = a.record_id
    WHERE r.client_id = $1
    ORDER BY a.record_id
    FOR NO KEY UPDATE OF a
"""  # noqa: S608 - a constant
_LOCK_THESE: Final = """
    SELECT record_id, balance, debt FROM points_account WHERE record_id = ANY ($1::uuid[])
    ORDER BY record_id FOR NO KEY UPDATE
"""
_LAPSE: Final = """
    WITH lapsed AS (
        UPDATE points_hold h SET status = 'expired', closed_at = $2
        WHERE h.status = 'open' AND h.expires_at <= $2 AND h.id IN (
            SELECT part.hold_id FROM points_lot l JOIN points_hold_part part ON part.lot_id = l.id
            WHERE l.account_id = ANY ($1::uuid[]) AND l.remaining > 0 AND l.held > 0
        )
        RETURNING h.id
    ), freed AS (
        SELECT part.lot_id, sum(part.points) AS points
        FROM points_hold_part part JOIN lapsed ON lapsed.id = part.hold_id GROUP BY 1
    )
    UPDATE points_lot l SET held = l.held - freed.points FROM freed WHERE l.id = freed.lot_id
"""


_LIST: Final = f"""
    SELECT a.record_id, a.balance, a.debt, {_BORNE}
    FROM points_account a JOIN source_record r ON r.id = a.record_id WHERE r.client_id = $1
"""  # noqa: S608 - a constant


async def list_accounts(session: AsyncSession, client_id: UUID) -> list[Account]:
    """Return all accounts of a client, without locking them: to be told, not to be spent."""
    return [Account(*row) for row in await fetch(session, _LIST, client_id)]


# Whoever moves records locks the clients that they leave and enter, before any account.
_HOLD_CLIENTS: Final = """
    SELECT id FROM client WHERE id = ANY ($1::uuid[]) ORDER BY id FOR SHARE
"""
_CLIENTS_OF: Final = "SELECT id, client_id FROM source_record WHERE id = ANY ($1::uuid[])"


async def hold_spenders(session: AsyncSession, spenders: Collection[Spender]) -> list[FoundSpender]:
    """Return who spends, each of whom stays with its client until the transaction ends.

    To be called before any account is locked. Raises `StaleReadError`, upon which the edge runs the
    work again, when one of them went to another client while we waited.
    """
    found = [await find_spender(session, spender) for spender in spenders]
    await fetch(session, _HOLD_CLIENTS, [one.client_id for one in found])
    if found != [await find_spender(session, spender) for spender in spenders]:
        raise StaleReadError
    return found


async def hold_records(session: AsyncSession, record_ids: Collection[UUID]) -> None:
    """Keep records with their clients until the transaction ends, as `hold_spenders` does."""
    before = await fetch(session, _CLIENTS_OF, list(record_ids))
    await fetch(session, _HOLD_CLIENTS, [row["client_id"] for row in before])
    after = await fetch(session, _CLIENTS_OF, list(record_ids))
    if set(map(tuple, before)) != set(map(tuple, after)):
        raise StaleReadError


async def lock_client(session: AsyncSession, client_id: UUID) -> list[Account]:
    """Lock all accounts of a client, in one order, until the transaction ends."""
    return [Account(*row) for row in await fetch(session, _LOCK, client_id)]


_LOCK_CLIENTS: Final = f"""
    SELECT r.client_id, a.record_id, a.balance, a.debt, {_BORNE}
    FROM points_account a JOIN source_record r ON r.id = a.record_id
    WHERE r.client_id = ANY ($1::uuid[])
    ORDER BY a.record_id
    FOR NO KEY UPDATE OF a
"""  # noqa: S608 - a constant


async def lock_clients(
    session: AsyncSession, client_ids: Collection[UUID]
) -> dict[UUID, list[Account]]:
    """Lock all accounts of several clients, in one order, until the transaction ends."""
    found: dict[UUID, list[Account]] = {client_id: [] for client_id in client_ids}
    for client_id, *account in await fetch(session, _LOCK_CLIENTS, list(client_ids)):
        found[client_id].append(Account(*account))
    return found


async def lock_accounts(session: AsyncSession, record_ids: Collection[UUID]) -> list[Account]:
    """Lock accounts, in one order, until the transaction ends; those that are there."""
    return [Account(*row) for row in await fetch(session, _LOCK_THESE, sorted(record_ids))]


async def let_holds_lapse(
    session: AsyncSession, record_ids: Collection[UUID], *, at: datetime
) -> None:
    """Free what holds reserve whose time is up, on accounts that are locked."""
    await fetch(session, _LAPSE, list(record_ids), at)


async def list_lots(
    session: AsyncSession,
    record_ids: Collection[UUID],
    *,
    at: datetime,
    lot_ids: Collection[UUID] = (),
) -> list[Lot]:
    """Return the lots of accounts that are locked, for somebody who takes points from them.

    Those with the ids `lot_ids` also when nothing is left of them. A hold whose time is up reserves
    nothing.
    """
    await let_holds_lapse(session, record_ids, at=at)
    return await repository.list_lots(session, record_ids, lot_ids=lot_ids)


# What a record states no more is told as far as it had been verified: what its old card earned is
# the person's. To present that card proves nothing any more.
_HELD: Final = """
    SELECT i.record_id, r.kind <> 'identifiers', i.kind, i.value,
           i.verified_at IS NOT NULL AND i.origin <> 'ticket', i.origin <> 'withdrawn'
    FROM source_record r JOIN identifier i ON i.record_id = r.id
    WHERE r.client_id = $1 AND i.kind NOT IN ('payment_token', 'device')
      AND (i.origin = 'profile' OR r.kind = 'identifiers'
           OR i.origin = 'withdrawn' AND i.verified_at IS NOT NULL)
"""
_CONFIRMED: Final = """
    SELECT j.left_id, j.right_id
    FROM source_record r JOIN judgement j ON j.left_id = r.id
    JOIN source_record other ON other.id = j.right_id
    WHERE r.client_id = $1 AND other.client_id = $1
      AND j.verdict = 'match' AND j.revoked_at IS NULL
"""


async def find_reachable(session: AsyncSession, found: FoundSpender) -> frozenset[UUID]:
    """Return the records of the client that verified links lead to from the spender."""
    rows = await fetch(session, _HELD, found.client_id)
    confirmed = await fetch(session, _CONFIRMED, found.client_id)
    return reachable(
        own=found.own,
        proved=found.proved,
        held=[Held(row[0], row[1], (row[2], row[3]), row[4], row[5]) for row in rows],
        confirmed=[(row[0], row[1]) for row in confirmed],
    )


@dataclass(frozen=True, slots=True)
class Wallet:
    """What a spender may spend."""

    spender: FoundSpender
    accounts: tuple[Account, ...]
    lots: tuple[Lot, ...]
    """Free and active ones of the records that verified links lead to, oldest first."""
    inferred_lots: tuple[Lot, ...]
    """The like of the client's other records."""
    available: int
    """Points over verified links, what is owed or borne taken off."""
    inferred: int
    """Points of the other records, what they owe taken off."""

    @property
    def balance(self) -> int:
        """Points of the whole client."""
        return sum(account.balance for account in self.accounts)

    @property
    def borne(self) -> int:
        """Points that the client has spent twice, to be taken before it spends again."""
        return sum(account.borne for account in self.accounts)

    def most(self, *, inferred_up_to: int) -> int:
        """Return how many points can be spent at once, so many of them over other links."""
        return self.available + min(self.inferred, inferred_up_to)


async def open_wallet(session: AsyncSession, spender: Spender, *, at: datetime) -> Wallet:
    """Lock the points of a client, and return what somebody may spend of them."""
    [found] = await hold_spenders(session, [spender])
    accounts = await lock_client(session, found.client_id)
    return await read_wallet(session, found, accounts, at=at)


async def read_wallet(
    session: AsyncSession, found: FoundSpender, accounts: Iterable[Account], *, at: datetime
) -> Wallet:
    """Return what somebody may spend of accounts that are locked."""
    accounts = tuple(accounts)
    ids = [account.record_id for account in accounts]
    lots = [lot for lot in await list_lots(session, ids, at=at) if lot.is_spendable(at)]
    reached = frozenset({found.own}) if set(ids) <= {found.own} else None
    if reached is None:
        reached = await find_reachable(session, found)
    own = [lot for lot in lots if lot.account_id in reached]
    others = [lot for lot in lots if lot.account_id not in reached]
    borne = sum(account.borne for account in accounts)
    return Wallet(
        spender=found,
        accounts=accounts,
        lots=tuple(oldest_first(own)),
        inferred_lots=tuple(oldest_first(others)),
        available=_available(own, (a for a in accounts if a.record_id in reached), borne),
        inferred=_available(others, (a for a in accounts if a.record_id not in reached), borne),
    )


def _available(lots: Iterable[Lot], accounts: Iterable[Account], borne: int) -> int:
    owed = sum(account.debt for account in accounts) + borne
    return max(sum(lot.free for lot in lots) - owed, 0)


@dataclass(frozen=True, slots=True)
class Spend:
    """The lots that a spend takes its points from."""

    taken: tuple[Taken, ...]
    inferred_points: int
    """Of these, over links that nobody has verified."""


def choose(wallet: Wallet, points: int, *, inferred_up_to: int) -> Spend:
    """Choose the points to spend: over verified links first, oldest first.

    `inferred_up_to` is how many the programme lets come over other links. Raises
    `InsufficientPointsError`.
    """
    most = wallet.most(inferred_up_to=inferred_up_to)
    if points > most:
        unverified = wallet.available + wallet.inferred - most
        raise InsufficientPointsError(requested=points, available=most, unverified=unverified)
    verified = take(wallet.lots, min(points, wallet.available))
    inferred = take(wallet.inferred_lots, points - taken_points(verified))
    return Spend((*verified, *inferred), taken_points(inferred))


def crossings_of(spend: Spend, spender_id: UUID) -> list[Crossing]:
    """Return whose points a spend takes under another record, to be settled if they are parted."""
    lent: dict[UUID, int] = {}
    for part in spend.taken:
        account = part.lot.account_id
        if account != spender_id:
            lent[account] = lent.get(account, 0) + part.points
    return [Crossing(account, spender_id, points) for account, points in lent.items()]
