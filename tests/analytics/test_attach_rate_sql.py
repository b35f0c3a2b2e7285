"""The view of what is pending is the statement that the code holds."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from rcu.analytics.attach_rate_sql import PENDING
from rcu.db.statements import fetch


async def test_the_view_is_the_statement_of_the_code(session: AsyncSession) -> None:
    await fetch(session, f"CREATE TEMPORARY VIEW of_the_code AS {PENDING}")

    [(kept, of_the_code)] = await fetch(
        session,
        "SELECT pg_get_viewdef('attach_rate_pending'::regclass), "
        "pg_get_viewdef('of_the_code'::regclass)",
    )

    assert kept == of_the_code
