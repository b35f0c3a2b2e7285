"""What a person says of a purpose, as messages carry it: alone, or as the boxes of a form."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from rcu.consent.effective import ConsentStatus
from rcu.consent.schemas import ConsentMeans, ContactChannel, PurposeCode
from rcu.errors import FieldValueError
from rcu.http.fields import Moment
from rcu.ingestion.fields import Code, Wire

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far the clock of a sender may be ahead of ours."""


def has_been_said(moment: datetime) -> datetime:
    """Return a moment that has come; raise `FieldValueError` for one that is ahead of our clock."""
    if moment > datetime.now(UTC) + CLOCK_TOLERANCE:
        raise FieldValueError("Input should be a time that has come already")
    return moment


Said = Annotated[Moment, AfterValidator(has_been_said)]
"""When a person said something: a grant of tomorrow would outlive the withdrawals of today."""


class ConsentChoice(Wire):
    """What a person said of one purpose: a box of a form."""

    purpose: PurposeCode = Field(description="A code of `GET /v1/purposes`.")
    channel: ContactChannel | None = Field(
        default=None, description="Default: every channel of the purpose."
    )
    status: ConsentStatus = Field(
        description="`denied` when asked and refused, `withdrawn` when taken back."
    )
    wording: Code | None = Field(
        default=None, description="Reference of the text that was shown, with its version."
    )
    store: Code | None = None
    actor: Code | None = Field(default=None, description="Member of staff who took it down.")


class FormConsent(ConsentChoice):
    """A choice that comes with a profile."""

    how: ConsentMeans = ConsentMeans.FORM
    occurred_at: Said | None = Field(default=None, description="Default: that of the profile.")
