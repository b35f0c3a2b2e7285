"""A crowd's records as the file that a retailer would import, and the truth about them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bench.identity.crowd import SOURCES, messages
from rcu.identity.repository import RecordKey

_TEXTS: Final = ("title", "given_name", "family_name", "birth_name", "birth_date")
_LISTS: Final = {"email": "emails", "phone": "phones", "card_number": "cards"}
COLUMNS: Final = (
    "source", "record_id", "occurred_at", *_TEXTS, *_LISTS, "address", "postcode", "city",
)  # fmt: skip


def write_csv(path: Path, records: int) -> None:
    """Write so many records of a crowd, in the order in which `crowd.messages` gives them."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for source, said in messages(records):
            writer.writerow(_row(source, said))


def _row(source: str, said: dict[str, Any]) -> Iterator[str]:
    yield from (source, said["external_id"], said["occurred_at"])
    yield from (said.get(name, "") for name in _TEXTS)
    yield from ((said.get(name) or [{}])[0].get("value", "") for name in _LISTS.values())
    home = (said.get("addresses") or [{}])[0]
    yield " ".join(home.get("lines", ()))
    yield from (home.get("postcode", ""), home.get("city", ""))


def truth(records: int) -> dict[RecordKey, int]:
    """Return the person of each record of the file."""
    return {
        (source, f"{source}-{number}"): number
        for number in range(records // len(SOURCES))
        for source in SOURCES
    }
