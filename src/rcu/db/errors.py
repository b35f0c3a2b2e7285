"""Refusals of the database layer."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rcu.errors import RcuError

RETRY_AFTER_SECONDS = 1


class DatabaseUnavailableError(RcuError):
    """The database cannot answer now: away, starting, full, or too busy. Trying again is right.

    Nothing is known to be committed. When the connection broke during the commit itself the
    work may be done all the same, which is why every message carries its own id.
    """

    status = 503
    code = "database_unavailable"

    def __init__(self, reason: str = "The database is not reachable.") -> None:
        """Say why, in a sentence without data, and when to try again."""
        super().__init__(
            f"{reason} Try again in a moment.",
            headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
        )


class OutOfMemoryError(DatabaseUnavailableError):
    """The database has no memory for all of this, or no room for its locks: less may well do."""


class EmbeddedServerError(RcuError):
    """The embedded PostgreSQL cannot be started or used; the message says why and the remedy."""

    status = 503
    code = "embedded_server_failed"


class UnsafeDurabilityError(RcuError):
    """The server may lose acknowledged work when the power fails, and nobody allowed it."""

    status = 503
    code = "unsafe_durability"

    def __init__(self, parameters: Mapping[str, str]) -> None:
        """Name the parameters that are off, each with its value."""
        found = ", ".join(f"{name}={value}" for name, value in sorted(parameters.items()))
        super().__init__(
            f"PostgreSQL runs with {found}: what was acknowledged could be lost when the machine "
            "or its power fails. Turn the setting back on (ALTER SYSTEM RESET, then reload), or "
            "set RCU_ALLOW_UNSAFE_DURABILITY=true to accept that loss knowingly."
        )


class StaleReadError(RcuError):
    """What the work had read was changed by others before it held its locks.

    `Database.run` rolls the transaction back and runs the work again; it reaches nobody.
    """

    status = 503
    code = "stale_read"

    def __init__(self) -> None:
        super().__init__("The data changed while it was read.")


class LocksTakenError(StaleReadError):
    """Others hold locks that the work found late that it needs.

    `Database.run` runs the work again, which then takes them with its first ones.
    """

    code = "locks_taken"

    def __init__(self, keys: Collection[int]) -> None:
        """Say which locks have to be waited for."""
        super().__init__()
        self.keys = frozenset(keys)
