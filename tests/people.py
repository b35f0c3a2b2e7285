"""Invented people whom several tests know: two strangers to each other."""

from __future__ import annotations

from typing import Any

ODILE: dict[str, Any] = {
    "given_name": "Odile",
    "family_name": "Vasseur",
    "birth_date": "1971-05-04",
}
BASILE: dict[str, Any] = {
    "given_name": "Basile",
    "family_name": "Kermadec",
    "birth_date": "1990-10-30",
}
