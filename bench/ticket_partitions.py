"""What partitioning tickets by month would cost the client read; the figures of ADR 4.

    python -m bench.ticket_partitions

Makes the same tickets twice, in one table and in 36 months, and times the statement that
the 360 view asks of them: the ten newest tickets of the four records of a client.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg

from rcu.db.embedded import EmbeddedServer

RECORDS, TICKETS_PER_RECORD, MONTHS = 20_000, 20, 36
READS, ROUNDS = 2_000, 5

COLUMNS = "id bigint, record_id bigint NOT NULL, sold_at timestamptz NOT NULL, total_cents bigint"
FILL = f"""
    INSERT INTO {{table}}
    SELECT n, n % {RECORDS}, '2023-01-01'::timestamptz + (n % 1094) * interval '1 day', n
    FROM generate_series(1, {RECORDS * TICKETS_PER_RECORD}) AS n
"""
READ = """
    SELECT t.* FROM unnest($1::bigint[]) AS r(id)
    CROSS JOIN LATERAL (
        SELECT * FROM {table} WHERE record_id = r.id ORDER BY sold_at DESC LIMIT 10
    ) AS t
    ORDER BY t.sold_at DESC LIMIT 10
"""


async def make(connection: Any) -> None:
    """Make and fill both tables."""
    await connection.execute(f"CREATE TABLE one ({COLUMNS})")
    await connection.execute(f"CREATE TABLE months ({COLUMNS}) PARTITION BY RANGE (sold_at)")
    for month in range(MONTHS):
        year, number = 2023 + month // 12, month % 12 + 1
        await connection.execute(
            f"CREATE TABLE months_{month} PARTITION OF months FOR VALUES FROM "
            f"('{year}-{number:02}-01') TO ('{year + number // 12}-{number % 12 + 1:02}-01')"
        )
    for table in ("one", "months"):
        await connection.execute(FILL.format(table=table))
        await connection.execute(f"CREATE INDEX ON {table} (record_id, sold_at)")
        await connection.execute(f"VACUUM ANALYZE {table}")


async def reads_per_second(connection: Any, table: str) -> float:
    """Return how many clients' tickets one connection reads in a second."""
    statement = await connection.prepare(READ.format(table=table))
    started = time.perf_counter()
    for n in range(READS):
        await statement.fetch([(n * 7 + k * 31) % RECORDS for k in range(4)])
    return READS / (time.perf_counter() - started)


async def main() -> None:
    """Measure in turn, and print the medians and their ratio."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedServer(Path(folder)) as server:
        url = server.url().set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(url)
        await connection.execute("SET jit = off")
        await make(connection)
        figures: dict[str, list[float]] = {"one": [], "months": []}
        for _ in range(ROUNDS):
            for table, found in figures.items():
                found.append(await reads_per_second(connection, table))
        await connection.close()
    one, months = (statistics.median(found) for found in figures.values())
    print(f"one table {one:,.0f} reads/s, {MONTHS} months {months:,.0f}: {months / one:.2f}")


if __name__ == "__main__":
    asyncio.run(main())
