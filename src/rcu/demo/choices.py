"""What people of the demo agree to when they open an account, and what they take back later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, time, timedelta
from typing import Final

from rcu.consent.effective import ConsentStatus
from rcu.consent.schemas import ConsentMeans, ContactChannel
from rcu.demo.dice import Dice
from rcu.demo.dispatch import Dispatch
from rcu.demo.people import YEAR_END
from rcu.demo.records import APP, ESHOP, LOYALTY, POS, Account, Wallet
from rcu.demo.tills import PARIS
from rcu.ingestion.messages import ConsentMessage, CustomerIdentifiers

_MEANS: Final = {
    POS: ConsentMeans.TILL,
    ESHOP: ConsentMeans.FORM,
    APP: ConsentMeans.APP,
    LOYALTY: ConsentMeans.FORM,
}
_ASKED: Final[Mapping[str, tuple[tuple[str, ContactChannel | None], ...]]] = {
    POS: (("newsletter", None),),
    ESHOP: (("newsletter", None), ("marketing", ContactChannel.EMAIL)),
    APP: (("marketing", ContactChannel.PUSH), ("profiling", None)),
    LOYALTY: (
        ("loyalty_programme", None),
        ("newsletter", None),
        ("marketing", ContactChannel.SMS),
        ("profiling", None),
    ),
}
"""The boxes of each form."""


class Choices:
    """Fills in the boxes of forms, with chance of its own: it changes no other message."""

    def __init__(self, dice: Dice) -> None:
        """Start with no box filled in."""
        self._dice = dice
        self._said = 0

    def year(self, wallets: Iterable[Wallet]) -> Iterator[Dispatch]:
        """Yield what everybody said."""
        for wallet in wallets:
            for accounts in wallet.accounts.values():
                for account in accounts:
                    yield from self._form(account)
                    yield from self._second_thoughts(account)

    def _form(self, account: Account) -> Iterator[Dispatch]:
        if not self._dice.happens(0.6):
            return  # a form of before there were boxes
        for purpose, channel in _ASKED[account.source]:
            if purpose == "loyalty_programme" or self._dice.happens(0.55):
                status = ConsentStatus.GRANTED
            elif self._dice.happens(0.6):
                status = ConsentStatus.DENIED
            else:
                continue  # not asked
            yield self._message(account, purpose, channel, status)

    def _second_thoughts(self, account: Account) -> Iterator[Dispatch]:
        """Yield a click on the link of a newsletter, which knows the address and nothing else."""
        if account.source == APP or not self._dice.happens(0.12):
            return
        day = account.created_on + timedelta(days=self._dice.between(20, 400))
        if day > YEAR_END:
            return
        at = datetime.combine(day, time(self._dice.between(7, 22), 5), tzinfo=PARIS)
        self._said += 1
        message = ConsentMessage(
            message_id=f"consent-{self._said:05}",
            purpose="newsletter",
            status=ConsentStatus.WITHDRAWN,
            occurred_at=at,
            how=ConsentMeans.LINK,
            customer=CustomerIdentifiers(email=account.person.email_on(day)),
        )
        yield Dispatch(at, ESHOP, message)

    def _message(
        self, account: Account, purpose: str, channel: ContactChannel | None, status: ConsentStatus
    ) -> Dispatch:
        self._said += 1
        said = {} if channel is None else {"channel": channel}
        message = ConsentMessage(
            message_id=f"consent-{self._said:05}",
            purpose=purpose,
            status=status,
            occurred_at=account.created_at,
            how=_MEANS[account.source],
            wording=f"{account.source}-{account.created_on.year}",
            customer=CustomerIdentifiers(external_id=account.external_id),
            **said,
        )
        return Dispatch(account.created_at, account.source, message)
