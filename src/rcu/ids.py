"""Ids made by the service: UUIDv7, which sort by the time they were made."""

from __future__ import annotations

from secrets import randbits
from time import time_ns
from uuid import UUID


def uuid7() -> UUID:
    """Return a new UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time_ns() // 1_000_000
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76
    value |= randbits(12) << 64
    value |= 0b10 << 62
    value |= randbits(62)
    return UUID(int=value)
