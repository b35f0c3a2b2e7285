"""A name in one cell, taken apart: `Mme Marie DUPONT`, `DE LA TOUR, Jean`, `Ana Ruiz`."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple

from rcu.identity.normalise.names import PARTICLES, is_form_of_address, is_generation
from rcu.identity.normalise.text import words

_TITLES: Final = frozenset({"m", "dr", "prof"})
"""Forms of address beside those that tell a gender; letters alone are initials."""
_DEGREES: Final = frozenset({"md", "phd", "esq", "rn", "dds", "jd", "mba", "cpa"})
"""What stands behind a name and a comma beside a generation: `John Smith, MD`."""
_FEWEST_BEFORE_A_GENERATION: Final = 2

_UNSPACED: Final = re.compile(
    "[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3005]{2,4}|[\uac00-\ud7a3]{2,5}"
)
"""Chinese characters or Korean syllables: the name of one person, written in one word."""
_UNSPACED_INITIAL: Final = re.compile(r"(?<=\b\w)\.(?=\w)|\.(?=\w\b)")
"""The dot of an initial that no blank parts from the rest: `K.Ramesh`, `Ramesh.K`."""
_LONG_FAMILY_NAMES: Final = frozenset(
    """
    欧阳 歐陽 司马 司馬 上官 诸葛 諸葛 东方 東方 皇甫 尉迟 尉遲 公孙 公孫 慕容 令狐 司徒 夏侯 端木
    宇文 长孙 長孫 남궁 황보 제갈 사공 선우 서문 독고 동방
    """.split()  # noqa: SIM905 - a block of words reads better than a quoted list
)
_WITH_A_LONG_FAMILY_NAME: Final = 4
_GIVEN_TOO: Final = frozenset({"al", "ben", "mac", "san", "van"})
"""Particles that are given names at the head of a name: Ben Martin, but Le Goff."""


class NameOrder(StrEnum):
    """What stands first in a name that neither a comma nor capitals take apart."""

    GIVEN_FIRST = "given_first"
    FAMILY_FIRST = "family_first"


class FullName(NamedTuple):
    """The parts of a name as they were written; None for what is not there."""

    title: str | None
    given_name: str | None
    family_name: str | None


def split_full_name(text: str, order: NameOrder) -> FullName:
    """Take a name apart: at its comma, else by its capitals, else by `order`.

    Names in Chinese characters or Korean syllables have the family's first, whatever `order` says,
    and mostly no blank between: the first character is the family's, or the first two.
    Capitals tell when some words are all in them and others are not: those are the family's, as
    French forms are filled in. Particles go with the family name, and so does a generation behind
    it, or behind a comma of its own (`Smith, Jr., John`). A degree there is a title. A single word
    is a family name.
    """
    if _UNSPACED.fullmatch("".join(text.split())):
        return _joined(None, *_of_syllables(text.split()))
    before, *behind_commas = text.split(",")
    head = _UNSPACED_INITIAL.sub(". ", before).split()
    others = [part.split() for part in behind_commas]
    behind = [word for part in others if _stands_behind(part) for word in part]
    after = [word for part in others if not _stands_behind(part) for word in part]
    generations = [word for word in behind if is_generation(word)]
    degrees = [word for word in behind if not is_generation(word)]
    title, written = _without_title(head)
    if others and (after or not behind):
        later_title, given = _without_title(after)
        family = written
        title = title or later_title
    else:
        written, own = _without_generation(written)
        given, family = _without_comma(written, order)
        generations = own + generations
    return _joined(" ".join([*filter(None, [title]), *degrees]), given, family + generations)


def _without_comma(written: list[str], order: NameOrder) -> tuple[list[str], list[str]]:
    """Return given name and family name by the capitals, else by the order."""
    family = [word for word in written if _is_capital(word)]
    if family and len(family) < len(written) and not all(map(_is_short, family)):
        return [word for word in written if not _is_capital(word)], family
    return _by_order(written, order)


def _stands_behind(part: list[str]) -> bool:
    """Tell whether what stands between commas is a generation or a degree, and no name."""
    return bool(part) and all(
        is_generation(word) or "".join(words(word)) in _DEGREES for word in part
    )


def _without_generation(written: list[str]) -> tuple[list[str], list[str]]:
    """Return a name without the generation at its end, and that; `Neymar Junior` has none."""
    if len(written) > _FEWEST_BEFORE_A_GENERATION and is_generation(written[-1]):
        return written[:-1], written[-1:]
    return written, []


def _of_syllables(written: list[str]) -> tuple[list[str], list[str]]:
    """Return given name and family name of one in Chinese characters or Korean syllables.

    Four Chinese characters are two and two: a long family name, or a Japanese one.
    """
    if len(written) > 1:
        return written[1:], written[:1]
    name = written[0]
    is_long = name[:2] in _LONG_FAMILY_NAMES and len(name) > len(name[:2])
    if len(name) == _WITH_A_LONG_FAMILY_NAME and not _is_korean(name):
        is_long = True
    end = 2 if is_long else 1
    return [name[end:]], [name[:end]]


def _is_korean(name: str) -> bool:
    return name[0] >= "\uac00" and name[0] <= "\ud7a3"


def _by_order(written: list[str], order: NameOrder) -> tuple[list[str], list[str]]:
    """Return the words of the given name, and those of the family name."""
    if order is NameOrder.FAMILY_FIRST:
        end = next((i for i, word in enumerate(written) if not _is_particle(word)), 0) + 1
        return written[end:], written[:end]
    start = len(written) - 1
    while start > 1 and _is_particle(written[start - 1]):
        start -= 1
    if start == 1 and _is_particle(written[0]) and written[0].lower() not in _GIVEN_TOO:
        start = 0
    return written[: max(start, 0)], written[max(start, 0) :]


def _without_title(written: list[str]) -> tuple[str | None, list[str]]:
    if len(written) > 1 and _is_title(written[0]):
        return written[0], written[1:]
    return None, written


def _is_title(word: str) -> bool:
    plain = "".join(words(word))
    if len(plain) == 1 and plain != "m":
        return False
    return plain in _TITLES or is_form_of_address(word)


def _is_particle(word: str) -> bool:
    """Tell whether a word belongs to the family name behind it; `D.` and `E.` are initials."""
    return "".join(words(word)) in PARTICLES and not (_is_short(word) and word.endswith("."))


def _is_capital(word: str) -> bool:
    return word.isupper() and not _is_short(word)


def _is_short(word: str) -> bool:
    """Tell whether a word is an initial, which is a capital whoever it is of."""
    return len("".join(words(word))) < 2  # noqa: PLR2004 - letters of an initial


def _joined(title: str | None, given: list[str], family: list[str]) -> FullName:
    return FullName(title or None, " ".join(given) or None, " ".join(family) or None)
