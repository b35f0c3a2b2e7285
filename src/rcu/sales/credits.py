"""Which staff are credited with a sale, and how its amount is split between them; pure.

The rule is kept with every credit, so that no sale is anybody's by a rule that is not said:

- `named`: the ticket names its sellers, with shares that sum to 100 %.
- `order_seller`: the ticket is of an order, which names who made it with the client.
- `collecting_cashier`: the ticket is of an order that names nobody: its cashier handed it over.
- `cashier`: a sale at a till that names nobody: its cashier.
- `return`: goods brought back or a ticket cancelled: taken back from those credited with the sale,
  by the same shares, wherever and by whomever it is rung up. Without a ticket that it returns,
  from the sellers of its order.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypedDict

WHOLE: Final = 10_000
"""100 %, in hundredths of a percent."""


class Credit(TypedDict):
    """A member of staff and their share of a ticket, by which rule."""

    staff: str
    percent: float
    rule: str


class CreditedAmount(NamedTuple):
    """What a member of staff is credited with; negative for a return."""

    staff: str
    percent: float
    rule: str
    amount_cents: int


def credits_of(
    *,
    kind: str,
    sellers: Sequence[Mapping[str, Any]],
    cashier: str | None,
    order_sellers: Sequence[Mapping[str, Any]],
    is_of_order: bool,
    original_credits: Sequence[Mapping[str, Any]],
) -> list[Credit]:
    """Return who is credited with a ticket, by the first rule that says somebody."""
    if kind != "sale":
        return _shared(original_credits or order_sellers, "return")
    if sellers:
        return _shared(sellers, "named")
    if order_sellers:
        return _shared(order_sellers, "order_seller")
    if cashier is None:
        return []
    rule = "collecting_cashier" if is_of_order else "cashier"
    return [Credit(staff=cashier, percent=100, rule=rule)]


def _shared(shares: Sequence[Mapping[str, Any]], rule: str) -> list[Credit]:
    return [
        Credit(staff=share["staff"], percent=share.get("percent", 100), rule=rule)
        for share in shares
    ]


def credited_amounts(
    total_cents: int, credited: Sequence[Mapping[str, Any]]
) -> list[CreditedAmount]:
    """Split the total of a ticket between those credited; the parts sum to it exactly.

    Cents that do not divide go to the largest remainders, of equal ones to who is named first.
    What is split of a negative total is the same with the sign turned: a sale brought back
    whole leaves nobody a cent.
    """
    parts, remainders = [], []
    for share in credited:
        part, remainder = divmod(abs(total_cents) * round(share["percent"] * 100), WHOLE)
        parts.append(part)
        remainders.append(remainder)
    left = abs(total_cents) - sum(parts) if parts else 0
    for position in sorted(range(len(parts)), key=lambda n: (-remainders[n], n))[:left]:
        parts[position] += 1
    sign = -1 if total_cents < 0 else 1
    return [
        CreditedAmount(share["staff"], share["percent"], share["rule"], sign * part)
        for share, part in zip(credited, parts, strict=True)
    ]
