"""Starting the demo over: its database emptied, and nobody else's."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from rcu.db.engine import Database
from rcu.demo.generator import Sample
from rcu.demo.load import ForeignDataError
from rcu.errors import RcuError
from rcu.settings import Settings

_OTHER_SOURCES = text("SELECT code FROM source WHERE NOT code = ANY (:ours) ORDER BY code")
_OTHER_SESSIONS = text("""
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
""")
_IS_EMPTY = text("SELECT to_regclass('source') IS NULL")


class ResetRefusedError(RcuError):
    """The data are not the demo's to delete, or are in use."""

    status = 409
    code = "demo_reset_refused"


async def empty(database: Database, sample: Sample, settings: Settings) -> None:
    """Delete everything in the embedded database, when it holds the demo and nothing else."""
    if settings.database_url is not None:
        raise ResetRefusedError(
            "--reset deletes a whole database, and RCU_DATABASE_URL may be anybody's: it works "
            "on the embedded one only."
        )
    async with database.read() as connection:
        if await connection.scalar(_IS_EMPTY):
            return
        ours = [source.code for source in sample.sources]
        others = (await connection.scalars(_OTHER_SOURCES, {"ours": ours})).all()
        if others:
            raise ForeignDataError(
                f"The database in {settings.data_dir} also holds the sources "
                f"{', '.join(others)}, which are not the demo's: nothing was deleted."
            )
        if await connection.scalar(_OTHER_SESSIONS):
            raise ResetRefusedError(
                f"Another program uses the database in {settings.data_dir}: stop it first."
            )
    await database.run(_drop)


async def _drop(session: AsyncSession) -> None:
    await session.execute(text("DROP SCHEMA public CASCADE"))
    await session.execute(text("CREATE SCHEMA public"))
