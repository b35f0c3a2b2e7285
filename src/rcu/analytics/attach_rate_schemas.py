"""Wire formats of the attach rate."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, Field

from rcu.analytics.attach_rate_figures import Amounts, AttachRate, Figures, Question


class AmountsRead(BaseModel):
    """Totals of tickets, in cents of one currency."""

    currency: str
    total_cents: int
    attached_at_sale_cents: int
    attached_now_cents: int
    missed_cents: int
    rate_at_sale: float | None
    rate_now: float | None

    @classmethod
    def of(cls, currency: str, amounts: Amounts) -> AmountsRead:
        """Return amounts as they are told."""
        return cls(
            currency=currency,
            total_cents=amounts.total,
            attached_at_sale_cents=amounts.attached_at_sale,
            attached_now_cents=amounts.attached_now,
            missed_cents=amounts.missed,
            rate_at_sale=share(amounts.attached_at_sale, amounts.total),
            rate_now=share(amounts.attached_now, amounts.total),
        )


class FiguresRead(BaseModel):
    """Tickets counted, and the rates."""

    tickets: int
    attached_at_sale: int
    attached_now: int = Field(description="As known now, or at as_of.")
    missed: int
    accounts_opened: int
    rate_at_sale: float | None
    rate_now: float | None
    missed_by_reason: dict[str, int]
    amounts: list[AmountsRead]

    @classmethod
    def of(cls, figures: Figures) -> FiguresRead:
        """Return figures as they are told."""
        return cls(
            tickets=figures.tickets,
            attached_at_sale=figures.attached_at_sale,
            attached_now=figures.attached_now,
            missed=figures.missed,
            accounts_opened=figures.accounts_opened,
            rate_at_sale=share(figures.attached_at_sale, figures.tickets),
            rate_now=share(figures.attached_now, figures.tickets),
            missed_by_reason=figures.missed_by_reason,
            amounts=[AmountsRead.of(*of) for of in sorted(figures.amounts.items())],
        )


class GroupRead(BaseModel):
    """Figures of the tickets of one group."""

    group: dict[str, str | int | None] = Field(
        description="Value by dimension; null where tickets have none, such as a web sale's till."
    )
    figures: FiguresRead


class AttachRateRead(BaseModel):
    """The attach rate of some business days."""

    definitions: str = Field(description="Version; see GET /v1/analytics/definitions.")
    from_: date = Field(serialization_alias="from")
    to: date
    as_of: datetime | None
    kind: str
    group_by: list[str]
    only: dict[str, list[str]] = Field(description="The filters, by dimension.")
    totals: FiguresRead
    groups: list[GroupRead]

    @classmethod
    def of(cls, question: Question, answer: AttachRate, *, definitions: str) -> AttachRateRead:
        """Return an answer as it is told, with the question."""
        names = [str(dimension) for dimension in question.group_by]
        return cls(
            definitions=definitions,
            from_=question.first,
            to=question.last,
            as_of=question.as_of,
            kind=question.kind,
            group_by=names,
            only={str(name): list(values) for name, values in question.only.items()},
            totals=FiguresRead.of(answer.totals),
            groups=[
                GroupRead(group=dict(zip(names, key, strict=True)), figures=FiguresRead.of(figures))
                for key, figures in answer.groups.items()
            ],
        )


def share(part: int, whole: int) -> float | None:
    """Return a part of a whole, None when there is no whole."""
    return part / whole if whole else None


class CountedTicket(BaseModel):
    """A ticket, and what it counts as."""

    id: UUID
    source: str
    ticket_id: str
    business_date: date
    sold_at: datetime
    hour: int
    store: str | None
    till: str | None
    cashier: str | None
    channel: str
    kind: str
    currency: str
    total_cents: int
    sale_method: str | None
    sale_reason: str | None
    method: str | None
    reason: str | None
    is_missed: bool
    accounts_opened: int = Field(description="1 when an account was opened with it.")


class CountedTicketPage(BaseModel):
    """Tickets behind a figure, by business day."""

    tickets: list[CountedTicket]
    next_cursor: str | None


class DefinitionRead(BaseModel):
    """What a word of the answers means."""

    name: str
    en: str
    fr: str


class DefinitionsRead(BaseModel):
    """What every word of the answers means."""

    version: str
    definitions: list[DefinitionRead]
