"""Ids made by the service: UUIDv7, which sort by the time they were made."""

from __future__ import annotations

from secrets import randbits
from threading import Lock
from time import time_ns
from uuid import UUID


def uuid7_texts(count: int) -> list[str]:
    """Return so many new UUIDv7 of this instant, in order, as they are written."""
    milliseconds = f"{time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF:012x}"
    begin = f"{milliseconds[:8]}-{milliseconds[8:]}-7"
    found = []
    for _ in range(count):
        digits = f"{randbits(74):019x}"
        variant = "89ab"[int(digits[0], 16)]
        found.append(f"{begin}{digits[1:4]}-{variant}{digits[4:7]}-{digits[7:]}")
    found.sort()
    return found


class _Sequence:
    """The last id that this process made."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = 0

    def after(self, value: int) -> int:
        """Return `value`, or the next one after the last if it is not greater."""
        with self._lock:
            self._last = max(value, self._last + 1)
            return self._last


_made = _Sequence()


def uuid7() -> UUID:
    """Return a new UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits.

    Greater than all that this process made before: what is made in one millisecond, such as two
    lots of points, keeps its order too (RFC 9562, section 6.2).
    """
    milliseconds = time_ns() // 1_000_000
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76
    random = randbits(74)
    value |= random >> 62 << 64
    value |= 0b10 << 62
    value |= random & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=_made.after(value))
