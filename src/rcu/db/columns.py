"""Types and checks that columns of every domain share."""

from enum import StrEnum

from sqlalchemy.types import DateTime

Timestamp = DateTime(timezone=True)
"""An instant; PostgreSQL keeps it in UTC."""


def one_of(column: str, values: type[StrEnum]) -> str:
    """Return the check that a text column holds a member of an enumeration.

    Text with a check rather than a PostgreSQL enum: a new member is a new constraint,
    which the previous release survives, not an ALTER TYPE.
    """
    members = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({members})"
