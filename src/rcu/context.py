"""What is known of the request being served: its id, and the key that sent it."""

from __future__ import annotations

import re
from contextvars import ContextVar
from itertools import count
from secrets import token_hex
from typing import Final

_SANE_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z_.:-]{8,64}", re.ASCII)


_PROCESS: Final = token_hex(8)
_numbers: Final = count()


class RequestContext:
    """Facts of one request that logs and problem documents repeat; no personal data."""

    __slots__ = ("key_id", "request_id")

    def __init__(self, request_id: str) -> None:
        """Start with the id only; authentication adds the key."""
        self.request_id = request_id
        self.key_id: str | None = None


current_request: Final[ContextVar[RequestContext | None]] = ContextVar(
    "rcu_current_request", default=None
)


def request_id_from(sent: bytes | None) -> str:
    """Return the sender's request id when it is short and harmless, else a new one."""
    if sent is not None:
        text = sent.decode("latin-1")
        if _SANE_REQUEST_ID.fullmatch(text):
            return text
    return f"{_PROCESS}{next(_numbers):08x}"
