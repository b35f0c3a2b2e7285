"""`rcu sources`: the systems that send."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access import service
from rcu.access.models import Source, SourceKind
from rcu.cli.running import run_with_database, stderr, stdout

app = typer.Typer(help="Add and list the systems that send.", no_args_is_help=True)


@app.command()
def add(
    code: Annotated[str, typer.Argument(help="Lasting short name: a-z, 0-9 and _, such as pos.")],
    *,
    name: Annotated[str, typer.Option(help="What people call it.")],
    kind: Annotated[SourceKind, typer.Option(help="What kind of system it is.")],
) -> None:
    """Add a source. Adding the same again changes nothing."""

    async def work(session: AsyncSession) -> None:
        await service.add_source(session, code=code, name=name, kind=kind)

    run_with_database(lambda database: database.run(work))
    stderr.print(f"Source {code} is there.")


@app.command(name="list")
def list_sources() -> None:
    """List the sources by code."""

    async def work(session: AsyncSession) -> list[Source]:
        return list(await service.list_sources(session))

    table = Table("Code", "Name", "Kind")
    for source in run_with_database(lambda database: database.run(work)):
        table.add_row(source.code, escape(source.name), source.kind)
    stdout.print(table)
