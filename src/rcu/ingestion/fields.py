"""Types of the fields that messages are made of, and the base of every wire format."""

from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from rcu.errors import FieldValueError
from rcu.http.fields import Whole
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
Cents = Annotated[Whole, Field(ge=-(10**12), le=10**12)]
IdentifierKind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
EventName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]
AttributeName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][a-zA-Z0-9_.-]{0,63}$")]
Scalar = str | int | float | bool | None


class Wire(BaseModel):
    """A wire format: unknown fields are refused, so that a misspelt one is not lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)
