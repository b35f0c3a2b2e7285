"""The part of `rcu evaluate` that measures whose tickets are said to be."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from pathlib import Path

from rich.table import Table

from rcu.cli.running import run_with_database, stderr
from rcu.db.engine import Database
from rcu.ingestion.files.errors import FileRefusedError
from rcu.ticket_evaluation import (
    ALL,
    ATTACHABLE,
    AttachedTicket,
    TicketFigures,
    TrueTicket,
    evaluate_tickets,
    majority,
)

_COLUMNS = ("source", "ticket_id", "client_id", "attach")


def read_true_tickets(path: Path) -> dict[Hashable, TrueTicket]:
    """Return whose each ticket is in truth; raise `FileRefusedError` for what cannot be read."""
    from rcu.ingestion.files.formats import detect
    from rcu.ingestion.files.reading import read_rows, read_sample

    file_format = detect(path)
    columns = read_sample(path, file_format, size=1).columns
    if missing := [name for name in _COLUMNS if name not in columns]:
        raise FileRefusedError(f"{path.name}: no column {', '.join(missing)}.")
    found: dict[Hashable, TrueTicket] = {}
    for row in read_rows(path, file_format):
        if row.fault:
            raise FileRefusedError(f"{path.name}, line {row.line}: {row.fault}")
        ticket = (str(row.cells["source"]), str(row.cells["ticket_id"]))
        true = TrueTicket(row.cells["client_id"] or None, str(row.cells["attach"] or "none"))
        if found.setdefault(ticket, true) != true:
            raise FileRefusedError(
                f"{path.name}, line {row.line}: the ticket stands twice, with two clients or tags."
            )
    return found


def measure_tickets(
    true_tickets: Mapping[Hashable, TrueTicket],
    assigned: Mapping[Hashable, Hashable],
    true_clients: Mapping[Hashable, Hashable],
    *,
    attachable: Collection[str],
) -> list[TicketFigures]:
    """Measure the attachments of the database.

    A client of the database is the person of whom most of its records are.
    """
    person_of = majority(
        (client, true_clients[record])
        for record, client in assigned.items()
        if record in true_clients and client is not None
    )
    attached = run_with_database(_read_attachments)
    return evaluate_tickets(
        attached,
        true_tickets,
        {str(client): person for client, person in person_of.items()},
        attachable=attachable,
    )


async def _read_attachments(database: Database) -> dict[Hashable, AttachedTicket]:
    from rcu.sales.attachments import stream_attachments

    with stderr.status("Reading the attachments"):
        return {
            (row.source, row.ticket_id): AttachedTicket(str(row.client_id), row.method)
            async for row in stream_attachments(database)
        }


def table_of_tickets(figures: Collection[TicketFigures]) -> Table:
    """Return the figures as a table, a row for each tag and two for the sums."""
    table = Table(title="Tickets", title_justify="left")
    table.add_column("could be known by")
    for name in ("tickets", "attached", "", "right", "wrong", ""):
        table.add_column(name, justify="right")
    table.add_column("attached by")
    for tag in figures:
        if tag.tag in {ALL, ATTACHABLE}:
            table.add_section()
        table.add_row(
            tag.tag,
            f"{tag.tickets:,}",
            f"{tag.attached:,}",
            f"{tag.attached_share:.2%}",
            f"{tag.right:,}",
            f"{tag.wrong:,}",
            f"{tag.right_share:.2%}" if tag.attached else "",
            ", ".join(f"{method} {count:,}" for method, count in tag.by_method.items()),
        )
    return table
