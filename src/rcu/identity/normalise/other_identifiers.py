"""Exact identifiers of any other kind (national id, payment token, device) made comparable."""

from __future__ import annotations

import re
import unicodedata

from rcu.identity.normalise.text import without_invisible

_SPACES = re.compile(r"\s+")
_FILLERS = frozenset(
    {"0", "na", "n/a", "none", "null", "unknown", "inconnu", "aucun", "undefined", "test"}
)


def normalise_identifier(text: str) -> str | None:
    """Return the value in NFC without spaces, or None for a filler.

    Case is kept: tokens and device ids may be case-sensitive.
    """
    value = unicodedata.normalize("NFC", _SPACES.sub("", without_invisible(text)))
    if not value or value.lower() in _FILLERS or (len(value) > 1 and len(set(value)) == 1):
        return None
    return value
