"""Wire formats of stores."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from rcu.errors import FieldValueError
from rcu.ingestion.fields import Code
from rcu.sales.stores import StoreDetails


class StoreCreate(BaseModel):
    """A shop of the retailer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Code = Field(description="The code that tickets carry in `store`.")
    name: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    postcode: Annotated[str, StringConstraints(max_length=16, strip_whitespace=True)] | None = None
    city: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = "FR"
    timezone: str = Field(
        default="Europe/Paris",
        description="IANA time zone: it decides which business day a sale belongs to.",
    )

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise FieldValueError("no IANA time zone such as Europe/Paris") from error
        return value

    def details(self) -> StoreDetails:
        """Return the store as the service takes it."""
        return StoreDetails(**self.model_dump())


class StoreRead(BaseModel):
    """A shop of the retailer, as it is known."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    postcode: str | None
    city: str | None
    country: str
    timezone: str
    created_at: datetime


class StoreList(BaseModel):
    """All stores, by code."""

    stores: list[StoreRead]
