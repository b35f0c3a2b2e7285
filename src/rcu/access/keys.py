"""The written form of API keys: made, read back and checked without any database.

`rcu_<public id>_<secret>_<checksum>`, for example
`rcu_8fK2mQ0a_<43 characters>_<6 characters>`:

- the prefix lets secret scanners find a leaked key;
- the public id (8 characters) names the key in lists and logs and finds its row;
- the secret is 256 random bits in base 62, of which only the SHA-256 is stored;
- the checksum (CRC-32 in base 62) stops typing errors and random guesses before the database
  is asked.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Final
from zlib import crc32

PREFIX: Final = "rcu"
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_PUBLIC_ID_LENGTH: Final = 8
_SECRET_BYTES: Final = 32
_SECRET_LENGTH: Final = 43
_CHECKSUM_LENGTH: Final = 6
_PATTERN: Final = re.compile(
    rf"({PREFIX}_([0-9A-Za-z]{{{_PUBLIC_ID_LENGTH}}})_([0-9A-Za-z]{{{_SECRET_LENGTH}}}))"
    rf"_([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A key as a program presents it: well-formed, its checksum right, not yet recognised."""

    public_id: str
    secret_hash: bytes

    def opens(self, secret_hash: bytes) -> bool:
        """Say, in constant time, whether this key is the one stored under `secret_hash`."""
        return compare_digest(self.secret_hash, secret_hash)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. `text` is shown once; only the hash is kept."""

    text: str
    public_id: str
    secret_hash: bytes

    def __repr__(self) -> str:
        """Leave the secret out of logs and tracebacks."""
        return f"NewKey(public_id={self.public_id!r})"


def new_key() -> NewKey:
    """Return a new random key."""
    public_id = "".join(secrets.choice(_ALPHABET) for _ in range(_PUBLIC_ID_LENGTH))
    secret = _base62(int.from_bytes(secrets.token_bytes(_SECRET_BYTES)), _SECRET_LENGTH)
    body = f"{PREFIX}_{public_id}_{secret}"
    return NewKey(text=f"{body}_{_checksum(body)}", public_id=public_id, secret_hash=_hash(secret))


def read_key(text: str) -> PresentedKey | None:
    """Return the key that `text` holds, or None when it is malformed or mistyped."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        return None
    body, public_id, secret, checksum = match.groups()
    if checksum != _checksum(body):
        return None
    return PresentedKey(public_id=public_id, secret_hash=_hash(secret))


def _hash(secret: str) -> bytes:
    return sha256(secret.encode("ascii")).digest()


def _checksum(body: str) -> str:
    # Written out for speed: this is computed on every request.
    high, low = divmod(crc32(body.encode("ascii")), len(_PAIRS))
    higher, middle = divmod(high, len(_PAIRS))
    return _PAIRS[higher] + _PAIRS[middle] + _PAIRS[low]


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
