"""Routes of the attach rate: its figures, the tickets behind them, and what they mean."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from rcu.access.authorisation import requires
from rcu.access.caller import Caller
from rcu.access.models import Scope
from rcu.analytics.attach_rate_definitions import DEFINITIONS, VERSION
from rcu.analytics.attach_rate_dimensions import Dimension
from rcu.analytics.attach_rate_errors import FiguresTooCostlyError, TooManyGroupsError
from rcu.analytics.attach_rate_figures import FILTERS, Question, find_attach_rate
from rcu.analytics.attach_rate_schemas import (
    AttachRateRead,
    CountedTicket,
    CountedTicketPage,
    DefinitionRead,
    DefinitionsRead,
)
from rcu.analytics.attach_rate_tickets import START, Which, list_tickets
from rcu.errors import FieldError, ValidationFailedError, problems
from rcu.http.cursors import InvalidCursorError, decode_cursor, encode_cursor
from rcu.http.dependencies import DatabaseDep
from rcu.http.fields import Day, PastMoment
from rcu.http.routing import api_router

router = api_router(prefix="/v1/analytics", tags=["Analytics"])

Analyst = Annotated[Caller, requires(Scope.ANALYTICS_READ)]

LONGEST: Final = timedelta(days=1100)
"""Three years, and some: of one question."""

_PLACE: Final = TypeAdapter(tuple[date, UUID])

_Value = Annotated[str, StringConstraints(max_length=64)]
_Values = Annotated[list[_Value], Field(max_length=50)]


class Selection(BaseModel):
    """Which tickets a question is about."""

    model_config = ConfigDict(extra="forbid")

    from_: Day = Field(alias="from", description="First business day.")
    to: Day = Field(description="Last business day.")
    as_of: PastMoment | None = Field(
        default=None, description="What was known at this time; by default all that is known now."
    )
    kind: Literal["sale", "return"] = "sale"
    store: _Values = Field(default=[], description="Of these stores only; empty: without a store.")
    till: _Values = []
    cashier: _Values = []
    channel: _Values = []
    hour: Annotated[list[Annotated[int, Field(ge=0, le=23)]], Field(max_length=24)] = []
    method: _Values = []
    reason: _Values = []
    sale_method: _Values = []
    sale_reason: _Values = []

    def question(self, group_by: list[Dimension] | None = None) -> Question:
        """Return the question; raise `ValidationFailedError` when its times make no sense."""
        faults = []
        if self.to < self.from_:
            faults.append(_fault("to", "Not before from"))
        elif self.to - self.from_ > LONGEST:
            faults.append(_fault("to", f"At most {LONGEST.days} days after from"))
        if faults:
            raise ValidationFailedError(faults)
        asked = {dimension: [str(v) for v in getattr(self, dimension)] for dimension in FILTERS}
        return Question(
            first=self.from_,
            last=self.to,
            as_of=self.as_of,
            kind=self.kind,
            group_by=tuple(dict.fromkeys(group_by or ())),
            only={dimension: values for dimension, values in asked.items() if values},
        )


def _fault(name: str, reason: str) -> FieldError:
    return FieldError(name, reason, location="query")


class FiguresAsked(Selection):
    """A question for figures."""

    group_by: Annotated[list[Dimension], Field(max_length=4)] = Field(
        default=[], description="Repeat it for groups by several."
    )


class TicketsAsked(Selection):
    """A question for the tickets behind a figure."""

    which: Which = Field(default=Which.TICKETS, description="The number to open.")
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    cursor: Annotated[str | None, Field(max_length=512)] = None


@router.get(
    "/attach-rate",
    responses=problems(ValidationFailedError, TooManyGroupsError, FiguresTooCostlyError),
)
async def read_attach_rate(
    asked: Annotated[FiguresAsked, Query()], database: DatabaseDep, _caller: Analyst
) -> AttachRateRead:
    """Tell which share of the tickets is attached to a client, and what was missed.

    By number and by amount, at the sale and as known now, over business days. The groups sum to
    the totals: each ticket is in one.
    """
    question = asked.question(asked.group_by)
    answer = await find_attach_rate(database, question)
    return AttachRateRead.of(question, answer, definitions=VERSION)


@router.get(
    "/attach-rate/tickets",
    responses=problems(ValidationFailedError, InvalidCursorError, FiguresTooCostlyError),
)
async def list_counted_tickets(
    asked: Annotated[TicketsAsked, Query()], database: DatabaseDep, _caller: Analyst
) -> CountedTicketPage:
    """List the tickets that a number of the attach rate counts, by business day.

    With the same days and filters as the figure; a group is opened by its values as filters.
    """
    after = START if asked.cursor is None else decode_cursor(asked.cursor, _PLACE)
    page = await list_tickets(
        database, asked.question(), asked.which, after=after, limit=asked.limit
    )
    return CountedTicketPage(
        tickets=[CountedTicket.model_validate(ticket) for ticket in page.tickets],
        next_cursor=encode_cursor(*page.next_place) if page.next_place else None,
    )


@router.get("/definitions")
async def read_definitions(_caller: Analyst) -> DefinitionsRead:
    """Read what each figure means, in English and French; the answers name the version."""
    return DefinitionsRead(
        version=VERSION, definitions=[DefinitionRead(**asdict(one)) for one in DEFINITIONS]
    )
