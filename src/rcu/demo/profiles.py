"""Profile messages: an account as it was opened, and what its source learnt later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from rcu.demo.dice import Dice
from rcu.demo.dispatch import Dispatch
from rcu.demo.people import YEAR_END
from rcu.demo.records import APP, LOYALTY, Account, Wallet, written_address
from rcu.ingestion.messages import ProfileMessage


def profile_messages(wallet: Wallet, dice: Dice) -> Iterator[Dispatch]:
    """Yield every profile message of one person's accounts."""
    for accounts in wallet.accounts.values():
        for account in accounts:
            updates = list(_updates(account, wallet, dice))
            late = _delay(account, updates, dice)
            yield _message(account, 1, account.created_at, account.fields, late)
            yield from updates


def _delay(account: Account, updates: list[Dispatch], dice: Dice) -> timedelta:
    """Return how late an account is sent: a till off line sends its forms days after."""
    if updates and dice.happens(0.05):
        return updates[-1].arrives_at - account.created_at + timedelta(days=1)
    return timedelta(days=dice.between(3, 40)) if dice.happens(0.02) else timedelta()


def _updates(account: Account, wallet: Wallet, dice: Dice) -> Iterator[Dispatch]:
    """Yield what the source of an account learnt after it was opened, one message a fact."""
    learnt = sorted(_learnt(account, wallet, dice), key=lambda fact: fact[0])
    for number, (day, fields) in enumerate(learnt, start=2):
        at = datetime.combine(day, time(dice.between(8, 19), dice.between(0, 59)), tzinfo=UTC)
        account.tags.append("updated")
        yield _message(account, number, at, fields)


def _learnt(account: Account, wallet: Wallet, dice: Dice) -> Iterator[tuple[date, dict[str, Any]]]:
    person, opened = account.person, account.created_on
    household = person.household
    moved = household.moved_on
    if moved and opened < moved and "addresses" in account.fields and dice.happens(0.4):
        whole = "lines" in account.fields["addresses"][0]
        address = written_address(account, household.homes[-1], dice, whole=whole)
        yield _soon(moved, dice), {"addresses": [address]}
    if person.married_on and opened < person.married_on and dice.happens(0.4):
        names = {"family_name": person.family_name, "birth_name": person.birth_name}
        yield _soon(person.married_on, dice), names
    if person.new_email_on and opened < person.new_email_on and dice.happens(0.4):
        value: dict[str, Any] = {"value": person.emails[-1]}
        day = _soon(person.new_email_on, dice)
        if account.source == APP:
            value |= {"verified": True, "verified_at": datetime.combine(day, time(12), tzinfo=UTC)}
        yield day, {"emails": [value]}
    joined = wallet.accounts.get(LOYALTY)
    cardless = joined and "cards" not in account.fields and opened < joined[0].created_on
    if joined and cardless and dice.happens(0.5):
        yield _soon(joined[0].created_on, dice), {"cards": [{"value": wallet.card}]}


def _soon(day: date, dice: Dice) -> date:
    return min(day + timedelta(days=dice.between(1, 45)), YEAR_END)


def _message(
    account: Account,
    number: int,
    at: datetime,
    fields: dict[str, Any],
    late: timedelta = timedelta(),
) -> Dispatch:
    message = ProfileMessage(
        message_id=f"profile-{account.external_id}-{number}",
        external_id=account.external_id,
        occurred_at=at,
        **fields,
    )
    return Dispatch(at + late, account.source, message)
