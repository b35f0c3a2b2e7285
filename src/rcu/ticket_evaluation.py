"""How well tickets found their clients, against the truth, by how the truth says they could."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K", bound=Hashable)

ALL = "all"
ATTACHABLE = "attachable"


@dataclass(frozen=True, slots=True)
class TrueTicket:
    """Whose a ticket is in truth."""

    client: Hashable
    tag: str
    """How the ticket could be attached: `card`, `token_known`, `none`, ..."""


@dataclass(frozen=True, slots=True)
class AttachedTicket:
    """The known client that a ticket was attached to, and how."""

    client: Hashable
    method: str


@dataclass(frozen=True, slots=True)
class TicketFigures:
    """Tickets of one tag, counted. Shares lie between 0 and 1."""

    tag: str
    tickets: int
    attached: int
    right: int
    by_method: Mapping[str, int]

    @property
    def wrong(self) -> int:
        """Tickets attached to somebody else."""
        return self.attached - self.right

    @property
    def attached_share(self) -> float:
        """Of the tickets, the share that is attached."""
        return self.attached / self.tickets if self.tickets else 1.0

    @property
    def right_share(self) -> float:
        """Of the attached tickets, the share that is attached to the right client."""
        return self.right / self.attached if self.attached else 1.0


def evaluate_tickets(
    attached: Mapping[K, AttachedTicket],
    truth: Mapping[K, TrueTicket],
    person_of: Mapping[Hashable, Hashable],
    *,
    attachable: Collection[str],
) -> list[TicketFigures]:
    """Measure attachments tag by tag, then over the `attachable` tags, then over all.

    `person_of` says which true client each assigned client is (see `majority`). An attachment
    to a client that is nobody in truth is wrong.
    """
    tags: dict[str, Counter[str]] = defaultdict(Counter)
    methods: dict[str, Counter[str]] = defaultdict(Counter)
    for ticket, true in truth.items():
        found = attached.get(ticket)
        for tag in (true.tag, ALL, *([ATTACHABLE] if true.tag in attachable else [])):
            tags[tag]["tickets"] += 1
            if found is not None:
                tags[tag]["attached"] += 1
                tags[tag]["right"] += person_of.get(found.client) == true.client
                methods[tag][found.method] += 1
    order = [*sorted(tags.keys() - {ALL, ATTACHABLE}), ATTACHABLE, ALL]
    return [
        TicketFigures(
            tag=tag,
            tickets=tags[tag]["tickets"],
            attached=tags[tag]["attached"],
            right=tags[tag]["right"],
            by_method=dict(sorted(methods[tag].items())),
        )
        for tag in order
    ]


def majority(pairs: Iterable[tuple[Hashable, Hashable]]) -> dict[Hashable, Hashable]:
    """Return the true client that most records of each assigned client are of.

    `pairs` are assigned and true client, one for each record. Of two that are as many, the one
    that sorts first as text: whoever shares a client with another has half of the tickets wrong.
    """
    counted: dict[Hashable, Counter[Hashable]] = defaultdict(Counter)
    for assigned, true in pairs:
        counted[assigned][true] += 1
    return {
        assigned: min(people, key=lambda true: (-people[true], str(true)))
        for assigned, people in counted.items()
    }
