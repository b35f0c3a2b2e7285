"""`rcu analytics`: the views that data teams read, and who may read them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from rcu.cli.running import ExitCode, load_settings, run_with_database, stderr, stdout
from rcu.db.engine import Database
from rcu.settings import Settings

if TYPE_CHECKING:
    from rcu.analytics.views import DescribedView

app = typer.Typer(help="Views for data teams: what they hold, who reads.", no_args_is_help=True)


@app.command("grant")
def grant(
    user: Annotated[str, typer.Option("--to", help="A user of the database server.")],
    *,
    personal: Annotated[
        bool,
        typer.Option("--personal", help="Also what names or reaches people: client_contacts."),
    ] = False,
) -> None:
    """Let a user of the database read the views of the schema analytics, and nothing else.

    The roles rcu_analyst and rcu_analyst_personal are made when they are not there. Where the
    service may not make roles, as on many managed servers, it prints what an administrator has to
    run; then run this again.
    """
    settings = load_settings()

    async def work(database: Database) -> None:
        from rcu.db.readers import let_read

        async with _able(database, settings) as able:
            await let_read(able, user, personal=personal)

    run_with_database(work, settings=settings)
    role = "rcu_analyst_personal" if personal else "rcu_analyst"
    stderr.print(f"{escape(user)} has the role {role}.")


@app.command("revoke")
def revoke(
    user: Annotated[str, typer.Option("--from", help="A user of the database server.")],
) -> None:
    """Take the roles rcu_analyst and rcu_analyst_personal from a user."""
    settings = load_settings()

    async def work(database: Database) -> None:
        from rcu.db.readers import stop_reading

        async with _able(database, settings) as able:
            await stop_reading(able, user)

    run_with_database(work, settings=settings)
    stderr.print(f"{escape(user)} reads the views no more.")


@asynccontextmanager
async def _able(database: Database, settings: Settings) -> AsyncIterator[Database]:
    """Give the database with as much right to make roles as there is to have."""
    from rcu.db.readers import administered

    if settings.database_url is not None:
        yield database
        return
    able = administered(database)
    try:
        yield able
    finally:
        await able.close()


@app.command("views")
def views(
    name: Annotated[
        str | None, typer.Argument(help="One of them; else all, without columns.")
    ] = None,
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="All with columns, as in docs/analytics.md.")
    ] = False,
) -> None:
    """Say what the views hold, column by column, from the comments in the database."""
    from rcu.analytics.views import as_markdown, list_views

    async def read(database: Database) -> list[DescribedView]:
        async with database.transaction() as session:
            return await list_views(session)

    found = run_with_database(read)
    if markdown:
        typer.echo(as_markdown(found))
        return
    if name is None:
        stdout.print(_overview(found))
        return
    for view in found:
        if view.name == name.removeprefix("analytics."):
            stdout.print(_columns(view))
            return
    stderr.print(f"There is no view {escape(name)}: `rcu analytics views` lists them.")
    raise typer.Exit(ExitCode.USAGE)


def _overview(views: list[DescribedView]) -> Table:
    table = Table("View", "Columns", "What it holds")
    for view in views:
        table.add_row(f"analytics.{view.name}", str(len(view.columns)), escape(view.comment))
    return table


def _columns(view: DescribedView) -> Table:
    table = Table("Column", "Type", "Meaning", title=f"analytics.{view.name}", caption=view.comment)
    for column in view.columns:
        table.add_row(column.name, column.type, escape(column.comment))
    return table
