"""Months of the tables that are partitioned by time, made ahead of need."""

from collections.abc import Iterator
from datetime import date

from sqlalchemy import Connection, text

PARTITIONED_TABLES = ("inbox_payload",)
MONTHS_AHEAD = 12
"""Rows of a month that was not made go to the default partition: nothing is refused, but that
month can then no longer be dropped by itself."""


def make_months(connection: Connection, *, today: date) -> list[str]:
    """Make the partitions of this month and of those ahead that are missing; return their names.

    A month that already has rows in the default partition is left there.
    """
    made = []
    for table in PARTITIONED_TABLES:
        existing = set(_partitions(connection, table))
        for first, after in _months(today):
            name = f"{table}_{first:%Y_%m}"
            if name not in existing and not _has_strays(connection, table, first, after):
                # Names and dates are ours; a DDL statement takes no parameters.
                connection.execute(
                    text(
                        f"CREATE TABLE {name} PARTITION OF {table} "
                        f"FOR VALUES FROM ('{first}') TO ('{after}')"
                    )
                )
                made.append(name)
    return made


def _months(today: date) -> Iterator[tuple[date, date]]:
    first = today.replace(day=1)
    for _ in range(MONTHS_AHEAD + 1):
        after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        yield first, after
        first = after


def _partitions(connection: Connection, table: str) -> list[str]:
    return list(
        connection.scalars(
            text("""
                SELECT child.relname FROM pg_inherits
                JOIN pg_class child ON child.oid = inhrelid
                JOIN pg_class parent ON parent.oid = inhparent
                WHERE parent.relname = :table
            """),
            {"table": table},
        )
    )


def _has_strays(connection: Connection, table: str, first: date, after: date) -> bool:
    return bool(
        connection.scalar(
            text(
                f"SELECT EXISTS (SELECT FROM {table}_default "  # noqa: S608 - a constant
                "WHERE received_at >= :first AND received_at < :after)"
            ),
            {"first": first, "after": after},
        )
    )
