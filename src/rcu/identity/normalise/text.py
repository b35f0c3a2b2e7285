"""Text made comparable: invisible characters removed, letters in plain lower-case ASCII."""

from __future__ import annotations

import re
import unicodedata

from anyascii import anyascii

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe0f\ufeff"
    "\x00-\x08\x0b-\x1f\x7f]"
)
_WORD = re.compile(r"[a-z0-9]+")
_APOSTROPHES = re.compile("['`\u00b4\u2018\u2019\u02bc]")
_OTHER_SCRIPTS = re.compile("[\u0370-\u1dff\u1f00-\u1fff\u2c00-\u2dff]+")
"""Letters that are not Latin, from Greek to Ethiopic; those of Asia are whole syllables."""


_ROUNDED = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d+")


def is_rounded(text: str) -> bool:
    """Tell whether a text is what a spreadsheet makes of a long number: `3.36123E+10`.

    Its last digits are lost, and the numbers of many people look alike.
    """
    return _ROUNDED.fullmatch(text) is not None


def without_invisible(text: str) -> str:
    """Return `text` without control, zero-width and direction characters, and trimmed."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return _INVISIBLE.sub("", text.replace("\t", " ").replace("\n", " ")).strip()


def ascii_lower(text: str) -> str:
    """Return `text` in lower-case ASCII: accents dropped, other scripts transliterated.

    For closeness of names and streets only. Never for an identifier: look-alike letters
    of two scripts become one here.
    """
    text = without_invisible(text)
    if not text.isascii():
        text = _OTHER_SCRIPTS.sub(_in_latin_letters, unicodedata.normalize("NFC", text))
        text = anyascii(text)
    return text.lower()


def _in_latin_letters(letters: re.Match[str]) -> str:
    """Return letters of another script in ours, without the signs for sounds that we do not write.

    An ayin or a soft sign would be an apostrophe, which parts words.
    """
    return _APOSTROPHES.sub("", anyascii(letters[0]))


def words(text: str) -> list[str]:
    """Return the lower-case ASCII words of `text`; hyphens, dots and commas part words."""
    if text.isascii() and text.isalnum():
        return [text.lower()]
    return _WORD.findall(ascii_lower(text))
