"""`rcu stores`: the shops whose tickets the service takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from rcu.cli.running import ExitCode, fail, run_with_database, stdout
from rcu.db.engine import Database
from rcu.sales.stores import StoreDetails, StoreOutcome

app = typer.Typer(help="Stores: add them, list them, import a list.", no_args_is_help=True)


@app.command("add")
def add(
    code: Annotated[str, typer.Argument(help="The code that tickets carry.")],
    *,
    name: Annotated[str, typer.Option(help="What people call it.")],
    postcode: Annotated[str | None, typer.Option()] = None,
    city: Annotated[str | None, typer.Option()] = None,
    country: Annotated[str, typer.Option(help="ISO code of two capitals.")] = "FR",
    timezone: Annotated[
        str, typer.Option(help="IANA time zone; decides the business day of a sale.")
    ] = "Europe/Paris",
) -> None:
    """Add a store, and apply the tickets that were parked for want of it.

    Adding the same again changes nothing; a code that says something else is refused.
    """
    from pydantic import ValidationError

    from rcu.ingestion.store_schemas import StoreCreate

    try:
        details = StoreCreate(
            code=code, name=name, postcode=postcode, city=city, country=country, timezone=timezone
        ).details()
    except ValidationError as error:
        faults = [
            f"{e['loc'][0]}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
        ]
        raise typer.BadParameter("; ".join(faults)) from None
    _save([details], replace=False)


@app.command("import")
def import_list(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, JSON Lines, ...")],
) -> None:
    """Add the stores of a list, or bring those that exist up to date: all of them, or none.

    Columns: store_id (or code), name, and if you have them postcode, city, country, timezone.
    """
    from rcu.ingestion.files.errors import FileRefusedError
    from rcu.ingestion.files.store_list import read_stores

    try:
        wanted = read_stores(file)
    except FileRefusedError as error:
        fail(error)
        raise typer.Exit(ExitCode.USAGE) from None
    _save(wanted, replace=True)


@app.command("list")
def show() -> None:
    """List the stores by code."""

    async def read(database: Database) -> Table:
        from rcu.sales.stores import list_stores

        table = Table("Code", "Name", "Postcode", "City", "Country", "Time zone")
        async with database.transaction() as session:
            for store in await list_stores(session):
                place = (store.postcode or "", store.city or "", store.country, store.timezone)
                table.add_row(*map(escape, (store.code, store.name, *place)))
        return table

    stdout.print(run_with_database(read))


def _save(wanted: Sequence[StoreDetails], *, replace: bool) -> None:
    async def save(database: Database) -> Counter[StoreOutcome]:
        from rcu.ingestion.stores import open_stores

        saved = await open_stores(database, wanted, replace=replace)
        return Counter(outcome for _, outcome in saved)

    outcomes = run_with_database(save)
    told = [f"{outcomes[outcome]} {outcome}" for outcome in StoreOutcome if outcomes[outcome]]
    stdout.print(f"Stores: {', '.join(told) or 'none in the list'}.")
