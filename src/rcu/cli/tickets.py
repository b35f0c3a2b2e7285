"""`rcu tickets`: what can still be found out of whose tickets are."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.cli.running import run_with_database, stderr, stdout
from rcu.db.engine import Database

app = typer.Typer(help="Tickets: look for those that may be a client's.", no_args_is_help=True)


@app.command("suggest")
def suggest() -> None:
    """Offer tickets with a mistyped card or e-mail for review.

    A ticket is suggested to a client who has a card or an e-mail one slip away from what it
    carried, when the payment token or the store fits too, and nobody else's does. Stewards answer
    at /v1/ticket-suggestions; nothing is attached before. Running it again looks at all anew.
    """
    looked, suggested = run_with_database(_suggest)
    stdout.print(f"Tickets looked at: {looked:,}. New suggestions: {suggested:,}.")


async def _suggest(database: Database) -> tuple[int, int]:
    from rcu.identity.active_model import read_active_model
    from rcu.sales import suggestions

    model = await read_active_model(database)
    looked = suggested = 0
    place: UUID | None = UUID(int=0)
    with stderr.status("Looking at the tickets that were missed"):
        while place is not None:

            async def work(session: AsyncSession, after: UUID = place) -> suggestions.Looked:
                return await suggestions.suggest(
                    session, after=after, model=model, at=datetime.now(UTC)
                )

            page = await database.run(work)
            looked, suggested = looked + page.tickets, suggested + page.suggested
            place = page.last_id
    return looked, suggested
