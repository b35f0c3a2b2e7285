"""How long an export takes: the first one, one after nothing has changed, one after a late token.

    python -m bench.export --tickets 1000000

Makes a year of tickets set-wise, with three lines each: a third attached at the sale, a third
through a token that found its owner later, a third nobody's. Says also how much memory the process
of the export took at most, and how far a plain `COPY` of the largest view, to nowhere, is from it.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import tempfile
import time
from pathlib import Path

import asyncpg
from sqlalchemy import text

from bench.report import describe_machine
from bench.servers import empty_database, scratch_settings
from rcu.analytics.attach_rate_rollups import fold
from rcu.analytics.export import Exported, Wanted, export
from rcu.db.engine import Database

# Record 3n is a profile, 3n + 1 a token of its client since February 2026, 3n + 2 nobody's token.
FILL = (
    """
    CREATE TEMP TABLE made AS
    SELECT n, gen_random_uuid() AS id, (SELECT code FROM source ORDER BY code LIMIT 1) AS source
    FROM generate_series(0, :records - 1) AS n
    """,
    "CREATE INDEX ON made (n)",
    "ANALYZE made",
    """
    INSERT INTO client (id, known, created_at, changed_at)
    SELECT id, n % 3 = 0, '2025-01-01', '2025-01-01' FROM made WHERE n % 3 <> 1
    """,
    """
    INSERT INTO source_record
        (id, source, external_id, kind, client_id, placement, profile, features,
         created_at, changed_at)
    SELECT m.id, m.source, CASE WHEN m.n % 3 = 0 THEN 'P' ELSE 'ids:' END || m.n,
           CASE WHEN m.n % 3 = 0 THEN 'profile' ELSE 'identifiers' END, owner.id,
           (ARRAY['matching', 'payment_token', 'none'])[m.n % 3 + 1], '{}', '{}',
           '2025-01-01', '2025-01-01'
    FROM made m JOIN made owner ON owner.n = CASE WHEN m.n % 3 = 1 THEN m.n - 1 ELSE m.n END
    """,
    """
    INSERT INTO placement_change (id, record_id, made_at, client_id, placement, cause, actor)
    SELECT gen_random_uuid(), m.id, '2026-02-01', owner.id, 'payment_token', 'message', 'bench'
    FROM made m JOIN made owner ON owner.n = m.n - 1 WHERE m.n % 3 = 1
    """,
    """
    INSERT INTO ticket
        (id, source, ticket_id, message_id, content_digest, kind, store, till, number,
         business_date, sold_at, received_at, channel, currency, total_cents, lines, payments,
         cashier, record_id, link, sale_client_id, sale_method, sale_reason)
    SELECT gen_random_uuid(), m.source, 'T' || t.n, 'T' || t.n, '\\x00', 'sale', s.code, '1', t.n,
           t.sold_at::date, t.sold_at, t.sold_at, 'store', 'EUR', 1000 + t.n % 9000,
           jsonb_build_array(
               jsonb_build_object('sku', 'A' || t.n % 997, 'label', 'Article', 'amount_cents', 500),
               jsonb_build_object('sku', 'B' || t.n % 991, 'label', 'Article', 'amount_cents', 300),
               jsonb_build_object('sku', 'C' || t.n % 983, 'label', 'Article', 'amount_cents', 200)
           ),
           jsonb_build_array(jsonb_build_object('payment_token', 'par_' || t.n % 99991)),
           'C' || t.n % 7, m.id, 'identifiers', CASE WHEN m.n % 3 = 0 THEN m.id END,
           CASE WHEN m.n % 3 = 0 THEN 'own_record' END,
           CASE WHEN m.n % 3 <> 0 THEN 'not_asked' END
    FROM (
        SELECT n, '2025-01-01 09:00Z'::timestamptz + n * (interval '364 days' / :tickets) AS sold_at
        FROM generate_series(0, :tickets - 1) AS n
    ) t
    JOIN made m ON m.n = t.n % :records
    CROSS JOIN LATERAL (SELECT code FROM store ORDER BY code LIMIT 1) s
    """,
)
LATE = """
    UPDATE source_record r SET client_id = owner.client_id, placement = 'payment_token'
    FROM (SELECT client_id FROM source_record WHERE kind = 'profile' ORDER BY id LIMIT 1) owner
    WHERE r.id = (
        SELECT id FROM source_record WHERE placement = 'none' ORDER BY external_id LIMIT 1
    )
"""


async def fill(database: Database, tickets: int) -> None:
    """Make the tickets, twenty for each record."""
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        for statement in FILL:
            # Numbers of ours; prepared statements would have to say their types.
            made = statement.replace(":records", str(tickets // 20)).replace(
                ":tickets", str(tickets)
            )
            await (await session.connection()).exec_driver_sql(made)
    # As a service that runs has done long before.
    await fold(database, timezone="Europe/Paris")
    async with database.read() as connection:
        await connection.exec_driver_sql("VACUUM ANALYZE")


async def timed(database: Database, folder: Path, what: str) -> Exported:
    """Export, and say how long it took."""
    started = time.perf_counter()
    done = await export(database, folder, Wanted(), lambda *_: None)
    seconds = time.perf_counter() - started
    print(
        f"{what}: {seconds:.1f} s, {done.changed_parts} of {done.looked_at_parts} months or "
        f"tables, {done.written_rows:,} rows, {done.written_rows / seconds:,.0f} a second"
    )
    return done


async def copied(database: Database) -> tuple[int, float]:
    """Return how many rows the view of lines has, and in how many seconds they are copied."""
    connection: asyncpg.Connection[asyncpg.Record] = await database.dedicated_connection()
    await connection.execute("SET statement_timeout = 0")

    async def drop(_: bytes) -> None:
        pass

    started = time.perf_counter()
    status = await connection.copy_from_query(
        "SELECT * FROM analytics.ticket_lines", output=drop, format="csv"
    )
    seconds = time.perf_counter() - started
    await connection.close()
    return int(status.split()[1]), seconds


async def main(tickets: int) -> None:
    """Measure, and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        settings = scratch_settings(Path(folder, "data"))
        async with empty_database(settings) as database:
            print(await describe_machine(database))
            await fill(database, tickets)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            out = Path(folder, "export")
            done = await timed(database, out, "first export")
            print(f"  {sum(file.bytes for file in done.manifest.all_files()) / 2**20:,.0f} MiB")
            after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print(f"  at most {after / 1024:,.0f} MiB of memory, {before / 1024:,.0f} before it")
            await timed(database, out, "after nothing has changed")
            async with database.transaction() as session:
                await session.execute(text(LATE))
            await timed(database, out, "after a token found its owner")
            rows, seconds = await copied(database)
            print(f"bare COPY of {rows:,} ticket lines: {rows / seconds:,.0f} a second")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tickets", type=int, default=1_000_000)
    asyncio.run(main(options.parse_args().tickets))
