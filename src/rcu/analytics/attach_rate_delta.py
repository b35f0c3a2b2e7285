"""What changes of tickets add to the cells: the SQL that sums them, in the four grains."""

from __future__ import annotations

from typing import Final

CELL: Final = """id, grain, business_date, kind, store, channel, currency, till, cashier, hour,
    sale_method, sale_reason, method, reason, is_missed, tickets, amount_cents, accounts_opened"""
"""The columns of a cell, which are those of `delta`."""

# A cell is found again by the hash of what tells it apart: an index of all that is as wide as the
# table. Days are counted, not written, since their spelling is a setting of the session.
_DELTA: Final = """
    WITH told AS (
        SELECT grain, business_date, kind, store, channel, currency,
               CASE WHEN by_staff THEN till END AS till,
               CASE WHEN by_staff THEN cashier END AS cashier,
               CASE WHEN by_hour THEN hour END AS hour,
               sale_method, sale_reason, method, reason, is_missed,
               sum(sign) AS tickets, sum(sign * amount_cents) AS amount_cents,
               sum(sign * accounts_opened) AS accounts_opened
        FROM {changes} AS changed
        CROSS JOIN (VALUES ('day', false, false), ('hour', true, false), ('staff', false, true),
                           ('all', true, true)) AS grains (grain, by_hour, by_staff)
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14
    ), delta AS MATERIALIZED (
        SELECT md5(ROW(grain, business_date - DATE '2000-01-01', kind, store, channel, currency,
                       till, cashier, hour, sale_method, sale_reason, method, reason,
                       is_missed)::text)::uuid AS id, *
        FROM told WHERE (tickets, amount_cents, accounts_opened) <> (0, 0, 0)
    )
"""


def with_delta(changes: str) -> str:
    """Return the beginning of a statement, in which `delta` is what changes add to the cells.

    `changes` is a view or a statement in parentheses that tells tickets as `attach_rate_sql` does.
    """
    return _DELTA.format(changes=changes)


def keep_delta(since: str, *, sign: str = "") -> str:
    """Return what adds `delta`, or with the sign - takes it, to what changed since a boundary.

    `since` is an expression of SQL; where it is null, nothing is kept.
    """
    return f"""
        INSERT INTO attach_rate_cell_change AS held (since, {CELL})
        SELECT {since}, d.id, d.grain, d.business_date, d.kind, d.store, d.channel, d.currency,
               d.till, d.cashier, d.hour, d.sale_method, d.sale_reason, d.method, d.reason,
               d.is_missed, {sign}d.tickets, {sign}d.amount_cents, {sign}d.accounts_opened
        FROM delta d WHERE {since} IS NOT NULL
        ON CONFLICT (since, id) DO UPDATE SET tickets = held.tickets + excluded.tickets,
            amount_cents = held.amount_cents + excluded.amount_cents,
            accounts_opened = held.accounts_opened + excluded.accounts_opened
    """  # noqa: S608 - constants
