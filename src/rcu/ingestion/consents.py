"""What is wrong with consents that are well-formed: it is told before anything is applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rcu.consent import service as consents
from rcu.consent.errors import UnknownPurposeError
from rcu.consent.service import KnownPurpose
from rcu.errors import FieldError, RcuError, ValidationFailedError
from rcu.ingestion.choices import ConsentChoice
from rcu.ingestion.intake import Defaults, Intake, consent_of
from rcu.ingestion.messages import ConsentMessage, ProfileMessage

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


async def find_refused(
    session: AsyncSession, intakes: Sequence[Intake], defaults: Defaults
) -> dict[tuple[str, str], RcuError]:
    """Return why messages are refused, by their keys: what they say of purposes cannot be.

    A message with a consent that is refused is refused whole. One round trip, when any message
    names a purpose; purposes are never taken away, so that nothing has to be locked.
    """
    named = {said.purpose for intake in intakes for _, said in _choices(intake)}
    if not named:
        return {}
    purposes = await consents.find_purposes(session, named)
    judged = ((intake, _refusal(intake, purposes, defaults)) for intake in intakes)
    return {intake.key: error for intake, error in judged if error is not None}


def _choices(intake: Intake) -> Iterator[tuple[str, ConsentChoice]]:
    """Yield what a message says of purposes, each with the pointer to it."""
    message = intake.message
    if isinstance(message, ConsentMessage):
        yield "", message
    elif isinstance(message, ProfileMessage):
        for number, consent in enumerate(message.consents):
            yield f"/consents/{number}", consent


def _refusal(
    intake: Intake, purposes: Mapping[str, KnownPurpose], defaults: Defaults
) -> RcuError | None:
    message = intake.message
    for pointer, said in _choices(intake):
        purpose = purposes.get(said.purpose)
        if purpose is None:
            return UnknownPurposeError(said.purpose, field=f"{pointer}/purpose")
        if said.channel is not None and said.channel not in purpose.channels:
            used = ", ".join(purpose.channels) or "no channel"
            reason = f"The purpose {purpose.code} uses {used}"
            return ValidationFailedError([FieldError(f"{pointer}/channel", reason)])
    if isinstance(message, ConsentMessage) and not consent_of(intake, message, defaults=defaults):
        return ValidationFailedError([FieldError("/customer", "Nothing in it is an identifier")])
    return None
