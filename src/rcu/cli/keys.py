"""`rcu keys`: make, list and revoke API keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.access import service
from rcu.access.models import ApiKey, Scope
from rcu.access.service import IssuedKey
from rcu.cli.running import run_with_database, stderr, stdout

app = typer.Typer(help="Make, list and revoke API keys.", no_args_is_help=True)


@app.command()
def create(
    *,
    source: Annotated[
        str | None, typer.Option(help="The source that the key writes as, such as pos.")
    ] = None,
    reader: Annotated[
        str | None, typer.Option(help="For a program that only reads: its name.")
    ] = None,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What the key allows; repeat it for several. No scope includes another."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="What tells this key from others of the same owner.")
    ] = None,
) -> None:
    """Make an API key and show it, this once: only its hash is stored.

    For example: rcu keys create --source pos --scope ingest --scope clients:read
    """

    async def work(session: AsyncSession) -> IssuedKey:
        return await service.create_key(
            session,
            name=name or source or reader or "",
            scopes=frozenset(scope or ()),
            source=source,
            reader=reader,
        )

    issued = run_with_database(lambda database: database.run(work))
    stderr.print("Keep this key now: it is stored as a hash only and cannot be shown again.")
    # Alone on standard output, so that a script can take it.
    typer.echo(issued.text)


@app.command(name="list")
def list_keys() -> None:
    """List the API keys, revoked ones too. The keys themselves are not stored."""

    async def work(session: AsyncSession) -> list[ApiKey]:
        return list(await service.list_keys(session))

    table = Table("Id", "Owner", "Scopes", "Name", "Created", "Revoked")
    for key in run_with_database(lambda database: database.run(work)):
        table.add_row(
            key.public_id,
            escape(f"source {key.source}" if key.source else f"reader {key.reader}"),
            " ".join(key.scopes),
            escape(key.name),
            _day(key.created_at),
            _day(key.revoked_at),
        )
    stdout.print(table)


@app.command()
def revoke(
    public_id: Annotated[
        str, typer.Argument(metavar="ID", help="The 8 characters after rcu_, as in `keys list`.")
    ],
) -> None:
    """Revoke an API key: every process of the service refuses it from now on."""

    async def work(session: AsyncSession) -> None:
        await service.revoke_key(session, public_id)

    run_with_database(lambda database: database.run(work))
    stderr.print(f"Key {public_id} is revoked.")


def _day(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
