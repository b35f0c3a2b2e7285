"""Queries on referrals: what decides whether one is taken and paid; each one round trip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.errors import StaleReadError
from rcu.db.statements import columns, fetch, from_json, to_json
from rcu.loyalty.referrals import (
    KnownReferral,
    ReferralBook,
    ReferralRefusal,
    ReferralStatus,
    Refused,
)

# What one person should hold alone: cards, scans of the app, means of payment and devices, by
# whatever way they were seen; e-mails and phones that the sources of both have verified. A device
# that many people use, such as a tablet in a store, says nothing.
_SHARES: Final = """
    EXISTS (
        SELECT FROM source_record one JOIN identifier a ON a.record_id = one.id
        JOIN identifier b ON (b.kind, b.value) = (a.kind, a.value)
        JOIN source_record two ON two.id = b.record_id
        WHERE one.client_id = {referred} AND two.client_id = {referrer}
          AND (a.kind IN ('card', 'app_user', 'payment_token', 'device')
               OR (a.verified_at IS NOT NULL AND b.verified_at IS NOT NULL))
          AND NOT (a.kind = 'device' AND coalesce((
              SELECT s.status FROM identifier_status_change s
              WHERE (s.kind, s.value) = (a.kind, a.value) ORDER BY s.id DESC LIMIT 1
          ), 'personal') = 'shared')
    )
"""


# --- codes --------------------------------------------------------------------------------------

_CODE: Final = """
    SELECT c.code FROM source_record r JOIN referral_code c ON c.record_id = r.id
    WHERE r.client_id = $1 ORDER BY c.created_at, c.code LIMIT 1
"""
_ADD_CODE: Final = """
    WITH account AS (
        INSERT INTO points_account (record_id, opened_at) VALUES ($2, $3) ON CONFLICT DO NOTHING
    )
    INSERT INTO referral_code (code, record_id, created_at) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING
"""
_COUNTS: Final = """
    SELECT count(*) FILTER (WHERE x.status = 'pending'),
           count(*) FILTER (WHERE x.status = 'paid' AND x.withdrawn_by IS NULL)
    FROM source_record r JOIN referral x ON x.referrer_id = r.id WHERE r.client_id = $1
"""


async def find_code(session: AsyncSession, client_id: UUID) -> str | None:
    """Return the oldest code of a client's records."""
    rows = await fetch(session, _CODE, client_id)
    return str(rows[0]["code"]) if rows else None


async def add_code(session: AsyncSession, code: str, record_id: UUID, *, at: datetime) -> None:
    """Give a record a code, unless it has one or somebody else has this one."""
    await fetch(session, _ADD_CODE, code, record_id, at)


async def count_referrals(session: AsyncSession, client_id: UUID) -> tuple[int, int]:
    """Return how many people a client has brought: those awaited, and those paid for."""
    [(pending, paid)] = await fetch(session, _COUNTS, client_id)
    return pending, paid


_REFERRER: Final = """
    SELECT r.id, r.client_id
    FROM referral_code c JOIN source_record r ON r.id = c.record_id WHERE c.code = $1
"""


async def find_referrer(session: AsyncSession, code: str) -> tuple[UUID, UUID] | None:
    """Return the record and the client of a code."""
    rows = await fetch(session, _REFERRER, code)
    return (rows[0]["id"], rows[0]["client_id"]) if rows else None


# --- stating a referral -------------------------------------------------------------------------

_TURN: Final = "SELECT lock_points_turn($1::uuid[])"


async def take_turn(session: AsyncSession, client_ids: Collection[UUID]) -> None:
    """Wait until nobody decides what is given once to clients, and keep others waiting."""
    await fetch(session, _TURN, list(client_ids))


_STATED: Final = "SELECT request_digest, answer FROM referral WHERE id = $1"
_GROUNDS: Final = f"""
    WITH RECURSIVE above AS (
        SELECT $2::uuid AS client_id, 1 AS step
        UNION
        SELECT brought.client_id, above.step + 1
        FROM above JOIN source_record r ON r.client_id = above.client_id
        JOIN referral x ON x.referred_id = r.id
        JOIN source_record brought ON brought.id = x.referrer_id
        WHERE above.step < 100
    )
    SELECT
        EXISTS (SELECT FROM source_record r JOIN referral x ON x.referred_id = r.id
                WHERE r.client_id = $1) AS is_referred,
        EXISTS (SELECT FROM source_record r JOIN purchase_total p ON p.record_id = r.id
                WHERE r.client_id = $1 AND p.sales > 0) AS has_bought,
        {_SHARES.format(referred="$1", referrer="$2")} AS shares_identifiers,
        EXISTS (SELECT FROM above WHERE client_id = $1) AS is_cycle
"""  # noqa: S608 - a constant
_ADD: Final = """
    WITH account AS (
        INSERT INTO points_account (record_id, opened_at) VALUES ($2, $6) ON CONFLICT DO NOTHING
    )
    INSERT INTO referral (
        id, referred_id, referrer_id, code, source, stated_at, stated_on, status, request_digest,
        answer
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $9::jsonb)
    ON CONFLICT DO NOTHING
    RETURNING id
"""


async def find_stated(session: AsyncSession, referral_id: UUID) -> tuple[bytes, Any] | None:
    """Return the digest and the answer of a referral that was stated."""
    rows = await fetch(session, _STATED, referral_id)
    return (rows[0]["request_digest"], from_json(rows[0]["answer"])) if rows else None


async def find_grounds(
    session: AsyncSession, *, referred_client_id: UUID, referrer_client_id: UUID
) -> ReferralRefusal | None:
    """Return why one client cannot be brought by another, or None."""
    if referred_client_id == referrer_client_id:
        return ReferralRefusal.SAME_CLIENT
    [row] = await fetch(session, _GROUNDS, referred_client_id, referrer_client_id)
    grounds = {
        ReferralRefusal.ALREADY_REFERRED: row["is_referred"],
        ReferralRefusal.BOUGHT_BEFORE: row["has_bought"],
        ReferralRefusal.CYCLE: row["is_cycle"],
        ReferralRefusal.SHARED_IDENTIFIERS: row["shares_identifiers"],
    }
    return next((reason for reason, holds in grounds.items() if holds), None)


@dataclass(frozen=True, slots=True)
class NewReferral:
    """A referral to keep."""

    id: UUID
    referred_id: UUID
    referrer_id: UUID
    code: str
    source: str
    stated_at: datetime
    stated_on: date
    request_digest: bytes
    answer: dict[str, Any]


async def add(session: AsyncSession, new: NewReferral) -> None:
    """Keep a referral; raise `StaleReadError` when the record has one by now."""
    added = await fetch(
        session,
        _ADD,
        new.id,
        new.referred_id,
        new.referrer_id,
        new.code,
        new.source,
        new.stated_at,
        new.stated_on,
        new.request_digest,
        to_json(new.answer),
    )
    if not added:
        raise StaleReadError


# --- deciding and paying ------------------------------------------------------------------------

_KNOWN: Final = f"""
    SELECT mine.client_id, x.id, x.referred_id, x.referrer_id, theirs.client_id AS brought_by,
           x.status, x.stated_on, mine.client_id = theirs.client_id AS is_same_client,
           x.status = 'pending' AND {
    _SHARES.format(referred="mine.client_id", referrer="theirs.client_id")
} AS shares_identifiers,
           CASE WHEN x.status = 'pending' THEN (
               SELECT jsonb_agg(paid.paid_on)
               FROM source_record r JOIN referral paid ON paid.referrer_id = r.id
               WHERE r.client_id = theirs.client_id AND paid.status = 'paid'
                 AND paid.withdrawn_by IS NULL
           ) END AS paid_days
    FROM source_record mine
    JOIN referral x ON x.referred_id = mine.id
    JOIN source_record theirs ON theirs.id = x.referrer_id
    WHERE mine.client_id = ANY ($1::uuid[])
    ORDER BY x.stated_at, x.id
"""  # noqa: S608 - a constant
_DECIDE: Final = """
    UPDATE referral x
    SET status = new.status, refusal = new.refusal, posting_id = new.posting_id,
        paid_on = new.paid_on, decided_at = $6
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::date[])
        AS new (id, status, refusal, posting_id, paid_on)
    WHERE x.id = new.id AND x.status = 'pending'
    RETURNING x.id
"""


async def read_book(session: AsyncSession, client_ids: Collection[UUID]) -> ReferralBook:
    """Return the referrals by which clients were brought, with what decides them."""
    book = ReferralBook(defaultdict(list), {})
    for row in await fetch(session, _KNOWN, list(client_ids)):
        client_id, *known, paid_days = tuple(row)
        one = KnownReferral(*known)
        book.by_client[client_id].append(one)
        days = [date.fromisoformat(day) for day in from_json(paid_days) or ()]
        book.paid_days.setdefault(one.referrer_client_id, days)
    return book


async def keep_decisions(
    session: AsyncSession,
    book: ReferralBook,
    postings: dict[UUID, tuple[UUID, date]],
    *,
    at: datetime,
) -> None:
    """Write what was decided; `postings` gives the posting and the day of those that were paid."""
    rows = [_decision(one, postings) for one in book.decided]
    if rows and len(await fetch(session, _DECIDE, *columns(rows), at)) != len(rows):
        raise StaleReadError


def _decision(one: Any, postings: dict[UUID, tuple[UUID, date]]) -> tuple[Any, ...]:
    if isinstance(one, Refused):
        return one.referral.id, ReferralStatus.REFUSED, one.reason, None, None
    return one.referral.id, ReferralStatus.PAID, None, *postings[one.referral.id]
