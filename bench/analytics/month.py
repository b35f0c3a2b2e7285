"""A month of tickets, made set-wise in SQL: what the rollups of the attach rate are made of.

Of the buyers, half are known; of what they show, half attaches at the sale, and some found its
owner later in the month: its record has moved, and the image of what it was is kept, as the
triggers would have. Tickets carry no lines: figures do not read them.
"""

from __future__ import annotations

from typing import Final

import asyncpg

STORES: Final = 300
DAYS: Final = 30
TILLS: Final = 5
FIRST_DAY: Final = "2026-06-01"
TICKETS_A_RECORD: Final = 8
CHUNK: Final = 500_000

# The triggers and foreign keys of a row at a time would take most of the time; what the triggers
# write is written here, for all rows at once.
_BEGIN: Final = """
    SET session_replication_role = replica;
    SET maintenance_work_mem = '512MB';
    SELECT setseed(0.5)
"""
_PLACES: Final = f"""
    INSERT INTO source (code, name, kind) VALUES ('pos', 'Tills', 'pos');
    INSERT INTO store (code, name)
    SELECT 'S' || n, 'Store ' || n FROM generate_series(1, {STORES}) n;
"""

# One record in three is a profile; the others show what a profile or nobody holds. One in six was
# with nobody until some time of the month.
_RECORDS: Final = f"""
    CREATE TABLE bench_record AS
    SELECT n, uuidv7(interval '-1 year' + n * interval '1 millisecond') AS id,
           n % 3 = 0 AS is_profile,
           CASE WHEN n % 3 = 0 THEN n
                WHEN n % 3 = 1 THEN 3 * (1 + n / 3 % ($1::int / 3)) END AS owner,
           n % 6 = 1 AS is_late,
           timestamptz '{FIRST_DAY}' + random() * interval '{DAYS} days' AS moved_at
    FROM generate_series(3, $1::int) n;
"""
_INDEX: Final = "CREATE UNIQUE INDEX ON bench_record (n); ANALYZE bench_record"
_SAVE_RECORDS: Final = """
    INSERT INTO source_record (id, source, external_id, kind, client_id, placement, profile,
                               features, created_at, changed_at)
    SELECT r.id, 'pos', 'R' || r.n, CASE WHEN r.is_profile THEN 'profile' ELSE 'identifiers' END,
           coalesce(o.id, r.id),
           CASE WHEN r.is_profile THEN 'matching' WHEN o.id IS NOT NULL THEN 'payment_token'
                ELSE 'none' END,
           '{}', '{}', now() - interval '1 year', now()
    FROM bench_record r LEFT JOIN bench_record o ON o.n = r.owner
"""
_SAVE_CLIENTS: Final = """
    INSERT INTO client (id, known, created_at, changed_at)
    SELECT id, kind = 'profile', now(), now() FROM source_record WHERE client_id = id
"""
_SAVE_CHANGES: Final = """
    INSERT INTO attach_rate_record_change (record_id, made_at, was_client_id, was_kind,
                                           was_placement, counted)
    SELECT id, moved_at, id, 'identifiers', 'none', true FROM bench_record WHERE is_late
"""
_TICKETS: Final = f"""
    INSERT INTO ticket (
        id, source, ticket_id, message_id, content_digest, kind, store, till, number,
        business_date, sold_at, received_at, channel, currency, total_cents, lines, payments,
        cashier, record_id, link, sale_client_id, sale_method, sale_reason
    )
    SELECT uuidv7(at - now()), 'pos', 'T' || sold.n, 'M' || sold.n, '',
           CASE WHEN sold.n % 25 = 0 THEN 'return' ELSE 'sale' END, 'S' || 1 + sold.n % {STORES},
           'L' || 1 + sold.n / {STORES} % {TILLS}, sold.n,
           (at AT TIME ZONE 'Europe/Paris')::date, at, at, 'store', 'EUR',
           (CASE WHEN sold.n % 25 = 0 THEN -1 ELSE 1 END) * (100 + sold.n % 9000), '[]', '[]',
           'C' || 2 * (1 + sold.n / {STORES} % {TILLS})
               + (extract(hour FROM at) < 13)::int, r.id, 'identifiers',
           CASE WHEN is_known THEN o.id END,
           CASE WHEN is_known AND r.is_profile THEN 'own_record'
                WHEN is_known THEN 'payment_token' END,
           CASE WHEN NOT is_known
                THEN (ARRAY['not_asked', 'unknown', 'mistyped'])[1 + sold.n % 3] END
    FROM (
        SELECT n, date '{FIRST_DAY}' + (n / {STORES} % {DAYS}) * interval '1 day'
               + interval '8 hours' + random() * interval '11 hours' AS at,
               3 + floor(random() * ($3::int - 3))::int AS record
        FROM generate_series($1::int, $2::int) n
    ) sold
    JOIN bench_record r ON r.n = sold.record LEFT JOIN bench_record o ON o.n = r.owner
    CROSS JOIN LATERAL (
        SELECT o.id IS NOT NULL AND NOT (r.is_late AND sold.at < r.moved_at) AS is_known
    ) k
"""
_INDEXES: Final = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
    FROM pg_index WHERE indrelid = 'ticket'::regclass AND NOT indisprimary
"""
_WAIT: Final = "INSERT INTO attach_rate_arrival SELECT id FROM ticket"
_END: Final = "SET session_replication_role = DEFAULT"


async def make_month(connection: asyncpg.Connection[asyncpg.Record], tickets: int) -> None:
    """Fill an empty database with so many tickets of a month; none is folded yet.

    The connection is a superuser's, who may leave the triggers out.
    """
    records = tickets // TICKETS_A_RECORD
    await connection.execute("SET statement_timeout = 0")
    await connection.execute(_BEGIN)
    await connection.execute(_PLACES)
    await connection.execute(_RECORDS.replace("$1", str(records)))
    for statement in (_INDEX, _SAVE_RECORDS, _SAVE_CLIENTS, _SAVE_CHANGES):
        await connection.execute(statement)
    indexes = await connection.fetch(_INDEXES)
    for name, _ in indexes:
        await connection.execute(f"DROP INDEX {name}")
    for start in range(1, tickets + 1, CHUNK):
        await connection.execute(_TICKETS, start, min(start + CHUNK - 1, tickets), records)
    for _, definition in indexes:
        await connection.execute(definition)
    await connection.execute(_WAIT)
    await connection.execute("DROP TABLE bench_record")
    await connection.execute(_END)
    await connection.execute("VACUUM ANALYZE")
