"""Types of the fields that messages are made of, and the base of every wire format."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from rcu.errors import FieldValueError
from rcu.identity.presentation import IDENTIFIERS_PREFIX

MessageId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[!-~]+$")]
"""Chosen by the sender, unique for ever in its source; printable ASCII without spaces."""


def _not_reserved(external_id: str) -> str:
    if external_id.startswith(IDENTIFIERS_PREFIX):
        raise FieldValueError(f"must not begin with {IDENTIFIERS_PREFIX}, which is reserved")
    return external_id


ExternalId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, strip_whitespace=True),
    AfterValidator(_not_reserved),
]
"""An id given by the sending source; `ids:` begins those of records known by identifiers only."""

Code = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
ShortText = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
LongText = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Cents = Annotated[int, Field(ge=-(10**12), le=10**12)]
IdentifierKind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
EventName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][a-zA-Z0-9_.-]{0,63}$")]
Scalar = str | int | float | bool | None


EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""No clock is right outside; near the ends of the calendar there is no UTC to turn a time into."""


def _plausible(moment: datetime) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise FieldValueError(f"a time from {EARLIEST.year} on and before {LATEST.year}")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_plausible)]
"""A time with its zone."""


class Wire(BaseModel):
    """A wire format: unknown fields are refused, so that a misspelt one is not lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)
