"""What somebody who misspelt a name may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, names: Iterable[str]) -> str:
    """Return a sentence that suggests what was meant, or nothing when nothing is near."""
    close = get_close_matches(name, list(names), n=1)
    return f" Did you mean {close[0]}?" if close else ""
