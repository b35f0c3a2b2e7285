"""`rcu loyalty`: the jobs of the points programme."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from rcu.cli.running import run_with_database, stdout
from rcu.db.engine import Database

if TYPE_CHECKING:
    from rcu.loyalty.upkeep import Expired

app = typer.Typer(help="Points: the jobs of the programme.", no_args_is_help=True)


@app.command("expire")
def expire(
    *,
    on: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Business day; by default today, as the store of each lot has it.",
        ),
    ] = None,
) -> None:
    """Let the points lapse whose last day is over. Safe to stop and to repeat.

    Nothing depends on when it runs: points past their day cannot be spent anyway.
    """

    async def work(database: Database) -> Expired:
        from rcu.loyalty import upkeep

        return await upkeep.expire(database, on=on.date() if on else None)

    done = run_with_database(work)
    stdout.print(f"{done.points} points of {done.lots} lots have lapsed.")


@app.command("settle")
def settle() -> None:
    """Settle points between clients after a whole base was resolved in bulk.

    What one spent of another's, and what was given once to each of two who are one now.
    Decisions and messages settle by themselves, in their own transaction.
    """

    async def work(database: Database) -> int:
        from rcu.loyalty.settlement import settle_all

        return await settle_all(database)

    stdout.print(f"{run_with_database(work)} points were settled.")
