"""`rcu brake`: what stopped merging by itself, and what is to become of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from rcu.cli.running import load_settings, run_with_database, stdout

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from rcu.db.engine import Database
    from rcu.identity.brakes import MergeBrake
    from rcu.identity.decisions import Instruction
    from rcu.identity.model import Model
    from rcu.identity.stewardship import Decided

app = typer.Typer(
    help="Merge brakes: what merged too much at once, released or reverted.", no_args_is_help=True
)

ACTOR: Final = "cli"
MOST_LISTED: Final = 200

BrakeId = Annotated[UUID, typer.Argument(metavar="ID", help="As `rcu brake list` shows it.")]
ReasonOption = Annotated[str, typer.Option(help="Why, in words; kept. No personal data.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only say what would move: nothing is changed.")
]


@app.command("list")
def show(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that were released as well.")
    ] = False,
    values: Annotated[
        bool, typer.Option("--values", help="Show the identifiers: personal data.")
    ] = False,
) -> None:
    """List the merge brakes that are on, newest first."""
    from rcu.identity import brakes

    async def work(database: Database) -> list[MergeBrake]:
        async def read(session: AsyncSession) -> list[MergeBrake]:
            return await brakes.list_brakes(
                session, active=None if everything else True, limit=MOST_LISTED
            )

        return await database.run(read)

    found = run_with_database(work)
    if not found:
        stdout.print("No merge brake is on." if not everything else "No merge brake ever tripped.")
        return
    table = Table("Id", "Stops", "Tripped", "Merged", "Waiting", "Released", box=None)
    for brake in found:
        released = f"{brake.released_at:%Y-%m-%d %H:%M}" if brake.released_at else ""
        table.add_row(
            str(brake.id),
            _stopped(brake, with_value=values),
            f"{brake.tripped_at:%Y-%m-%d %H:%M}",
            str(brake.merges),
            str(brake.held_pairs),
            released,
        )
    stdout.print(table)


def _stopped(brake: MergeBrake, *, with_value: bool) -> str:
    if brake.kind is None:
        return escape(f"source {brake.value}")
    return escape(f"{brake.kind} {brake.value}" if with_value else f"one {brake.kind}")


@app.command("release")
def release(brake_id: BrakeId, *, reason: ReasonOption, dry_run: DryRunOption = False) -> None:
    """Let merging go on, and look again at the pairs that waited."""
    from rcu.identity import brake_decisions

    async def deed(session: AsyncSession, instruction: Instruction, model: Model) -> Decided:
        return await brake_decisions.release(
            session, brake_id, instruction=instruction, model=model
        )

    _decide(deed, reason=reason, dry_run=dry_run)


@app.command("revert")
def revert(brake_id: BrakeId, *, reason: ReasonOption, dry_run: DryRunOption = False) -> None:
    """Part all that had been merged when the brake tripped, in one decision."""
    from rcu.identity import brake_decisions

    async def deed(session: AsyncSession, instruction: Instruction, model: Model) -> Decided:
        return await brake_decisions.revert(session, brake_id, instruction=instruction, model=model)

    _decide(deed, reason=reason, dry_run=dry_run)


def _decide(
    deed: Callable[[AsyncSession, Instruction, Model], Awaitable[Decided]],
    *,
    reason: str,
    dry_run: bool,
) -> None:
    from rcu.clients import stewardship
    from rcu.identity.active_model import active_model
    from rcu.identity.decisions import Instruction

    settings = load_settings()
    instruction = Instruction(ACTOR, reason)
    request = stewardship.Request(instruction, dry_run=dry_run, region=settings.default_region)

    async def work(database: Database) -> dict[str, Any]:
        async def decide(session: AsyncSession) -> Decided:
            return await deed(session, instruction, await active_model(session))

        return await stewardship.decide(database, request, decide)

    answer = run_with_database(work, settings=settings)
    totals = answer["effects"]["totals"]
    retired, appeared = (
        len(answer["effects"][name]) for name in ("retired_client_ids", "appeared_client_ids")
    )
    stdout.print(
        f"{'Would move' if dry_run else 'Moved'} {totals['records']} records and "
        f"{totals['tickets']} tickets; {retired} clients go, {appeared} come.",
        highlight=False,
    )
    if not dry_run:
        stdout.print(f"Decision {answer['decision_id']}: by it this can be undone.", soft_wrap=True)
