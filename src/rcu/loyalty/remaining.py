"""What is to be taken of the points of a sale, by all that has come back of it; pure.

It is a function of the tickets that stand, the sale's returns and its void, not of the order in
which they came: whatever arrives, the difference to what is taken already is posted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Self
from uuid import UUID

from rcu.loyalty.earning import Sale, exact_of_return, lines_of, payments_of, whole
from rcu.loyalty.programme import Programme
from rcu.loyalty.repository import KnownPosting, OriginalTicket


@dataclass(frozen=True, slots=True)
class Goods:
    """A sale, and what of it has come back for good."""

    sale: OriginalTicket
    returns: Sequence[OriginalTicket]
    """Those in its currency that are not cancelled themselves.

    What share of a sale an amount of another currency is, no rate here tells: an operator adjusts.
    """
    is_voided: bool

    @classmethod
    def of(cls, sale: OriginalTicket, tickets: Sequence[OriginalTicket]) -> Self:
        """Return them, of a sale and the tickets that refer to it or to its returns."""
        voided: set[UUID | None] = {t.original_id for t in tickets if t.kind == "void"}
        returns = [
            t
            for t in tickets
            if t.kind != "void"
            and not t.is_purchase
            and (t.original_id, t.currency) == (sale.id, sale.currency)
            and t.id not in voided
        ]
        return cls(sale, returns, sale.id in voided)

    @property
    def cents_back(self) -> int:
        """What the goods were worth that came back, all of it where the sale is cancelled."""
        if self.is_voided:
            return self.sale.total_cents
        return min(-sum(t.total_cents for t in self.returns), self.sale.total_cents)

    @property
    def is_back(self) -> bool:
        """Whether nothing of the sale is left."""
        return self.is_voided or (bool(self.returns) and self.cents_back >= self.sale.total_cents)

    def share_back(self, amount: int) -> int:
        """Return how much of an amount goes back with the goods, rounded down."""
        if self.is_back:
            return amount
        if not self.returns:
            return 0
        return max(amount * self.cents_back // max(self.sale.total_cents, 1), 0)


@dataclass(frozen=True, slots=True)
class ToTake:
    """What has to be taken of what a sale earned, all in all."""

    points: int
    counted_points: int
    """Of these, the ones that count for tiers."""
    counted_cents: int


def to_take(programme: Programme, accrual: KnownPosting, goods: Goods) -> ToTake:
    """Return what has to be taken of what a sale earned, by the rules that it had earned by."""
    given = sum(entry.points for entry in accrual.entries)
    bonuses: dict[str, int] = accrual.rules.get("bonuses", {})
    base = given - sum(bonuses.values())
    cents = goods.share_back(accrual.amount_cents or 0)
    if goods.is_back:
        return ToTake(given, base, cents)
    exact = Fraction(accrual.exact_points or 0)
    back = (exact_back(programme, accrual, goods.sale, one) for one in goods.returns)
    left = max(exact - sum(back, Fraction(0)), Fraction(0))
    # Rounded before and exact after: what was never given is not taken.
    taken = max(base - whole(left, programme.rounding), 0) if goods.returns else 0
    withdrawn = sum(bonuses.get(code, 0) for code in accrual.withdrawn)
    return ToTake(taken + withdrawn, taken, cents)


def pays_referral(programme: Programme, accrual: KnownPosting | None, goods: Goods) -> bool:
    """Say whether what is kept of a purchase is enough for the referral that was paid with it."""
    if goods.is_back:
        return False
    amount = (accrual.amount_cents or 0) if accrual is not None else 0
    minimum = programme.referral.minimum_cents if programme.referral is not None else 0
    return not goods.returns or amount - goods.share_back(amount) >= minimum


def exact_back(
    programme: Programme, accrual: KnownPosting, sale: OriginalTicket, back: OriginalTicket
) -> Fraction:
    """Return the points, before rounding, that the goods of a return or of a void had earned."""
    exact = Fraction(accrual.exact_points or 0)
    if back.kind == "void":
        return exact
    if back.currency != sale.currency:
        return Fraction(0)
    if back.lines:
        return exact_of_return(programme, sale_in(back), sale_in(sale), accrual.rules.get("tier"))
    share = Fraction(-back.total_cents, max(sale.total_cents, 1))
    return exact * min(share, Fraction(1))


def sale_in(ticket: OriginalTicket) -> Sale:
    """Return what of a recorded ticket decides its points."""
    return Sale(
        total_cents=ticket.total_cents,
        currency=ticket.currency,
        channel=ticket.channel,
        store=ticket.store,
        business_date=ticket.business_date,
        lines=lines_of(ticket.lines),
        payments=payments_of(ticket.payments),
    )
