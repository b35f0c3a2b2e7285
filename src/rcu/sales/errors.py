"""Refusals of sales."""

from __future__ import annotations

from rcu.errors import RcuError


class StoreExistsError(RcuError):
    """A store with this code exists already and says something else."""

    status = 409
    code = "store_exists"

    def __init__(self, code: str) -> None:
        """Name the store code."""
        super().__init__(f"The store {code} exists already, with another name, place or time zone.")
