"""`rcu report`: figures for people who ask, from the data themselves."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape
from rich.table import Table

from rcu.cli.attach_rate import attach_rate
from rcu.cli.running import ExitCode, run_with_database, stderr, stdout
from rcu.db.engine import Database

if TYPE_CHECKING:
    from rcu.loyalty.parity import Parity

app = typer.Typer(help="Reports, from the data themselves.", no_args_is_help=True)

app.command("attach-rate")(attach_rate)

_DAY = ["%Y-%m-%d"]


@app.callback()
def root() -> None:
    """Reports, from the data themselves."""


@app.command("parity")
def parity(
    *,
    from_on: Annotated[
        datetime | None, typer.Option("--from", formats=_DAY, help="First business day.")
    ] = None,
    to_on: Annotated[
        datetime | None,
        typer.Option("--to", "--until", formats=_DAY, help="Last business day; today."),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Deviating tickets to list.")] = 50,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE.csv", help="Write the deviating tickets there instead."
        ),
    ] = None,
) -> None:
    """Say whether one euro earned the same everywhere, from the ledger.

    Every ticket that earned otherwise is listed with its rule. Ends with 1 when one has none.
    """
    first = from_on.date() if from_on else date(1900, 1, 1)
    last = to_on.date() if to_on else datetime.now(UTC).date()
    if last < first:
        raise typer.BadParameter("--to is before --from.")

    async def read(database: Database) -> Parity:
        from rcu.loyalty.parity import report_parity

        return await report_parity(database, first=first, last=last)

    found = run_with_database(read)
    stdout.print(_by_channel(found))
    if output:
        output.write_text(_as_csv(found), encoding="utf-8")
    elif found.deviations and limit:
        stdout.print(_deviations(found, limit))
    plain = sum(earnings.tickets for earnings in found.by_channel.values()) - found.deviating
    stdout.print(
        f"{plain:,} tickets earned the plain rate, {found.deviating - found.unexplained:,} by a "
        f"rule beside, {found.unexplained:,} without one.",
        soft_wrap=True,
        highlight=False,
    )
    told = len(found.deviations) if output else min(limit, len(found.deviations))
    if told < found.deviating:
        stderr.print(
            f"{told:,} of the {found.deviating:,} that deviate are listed: see --limit, -o and "
            "--from.",
            highlight=False,
        )
    if found.unexplained:
        raise typer.Exit(ExitCode.PROBLEM)


def _by_channel(found: Parity) -> Table:
    table = Table("Channel", "Currency", "Tickets", "Amount", "Points", "Plain points", "Per unit")
    for (channel, currency), earned in sorted(found.by_channel.items()):
        rate = earned.plain_points * 100 / earned.amount_cents if earned.amount_cents else 0
        amount = f"{earned.amount_cents / 100:,.2f}"
        counts = (f"{earned.tickets:,}", amount, f"{earned.points:,}", f"{earned.plain_points:,}")
        table.add_row(channel, currency, *counts, f"{rate:.3f}")
    return table


def _deviations(found: Parity, limit: int) -> Table:
    table = Table()
    for heading in ("Ticket", "Day", "Channel", "Amount", "Plain", "Points", "Rule"):
        table.add_column(heading, overflow="fold")
    for one in found.deviations[:limit]:
        amount = f"{one.total_cents / 100:,.2f}"
        figures = (str(one.plain_points), str(one.points), ", ".join(one.rules) or "none")
        place = (f"{one.source}/{one.ticket_id}", str(one.business_date), one.channel)
        table.add_row(*map(escape, (*place, amount, *figures)))
    return table


_COLUMNS: Final = (
    "source",
    "ticket_id",
    "business_date",
    "channel",
    "store",
    "total_cents",
    "plain_points",
    "points",
    "rules",
)


def _as_csv(found: Parity) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for one in found.deviations:
        told = {name: getattr(one, name) for name in _COLUMNS} | {"rules": " ".join(one.rules)}
        writer.writerow(told.values())
    return text.getvalue()
