"""A sound key for names: equal for names that French ears confuse, stable for other languages.

Our own rules, from the spelling of French: nasal vowels, silent endings, doubled letters,
letters that share a sound. Not a dictionary, and no code of a fixed length: a longer name
keeps a longer key, so that the key stays selective.
"""

from __future__ import annotations

import re
from functools import lru_cache

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"[^a-z]", ""),
        (r"ill(?=[aeiou])", "y"),
        (r"(.)\1+", r"\1"),
        (r"^kn", "n"),
        (r"sch|tch|sh|ch(?![lrn])|cz", "S"),
        (r"ph", "f"),
        (r"th", "t"),
        (r"gh|gu(?=[eiy])", "g"),
        (r"c?qu?|ck|c(?=[aouklrnt]|$)|ch", "k"),
        (r"gn", "n"),
        (r"sc(?=[eiy])|c", "s"),
        (r"g(?=[eiy])", "j"),
        (r"x", "ks"),
        (r"ks$", ""),
        (r"z", "s"),
        (r"w", "v"),
        (r"h", ""),
        (r"eaux?|au[xtd]?|ots?$", "o"),
        (r"ou|oo", "u"),
        (r"oeu|eu|oe", "e"),
        (r"(?:ain|ein|aim|in|im|yn|ym|un|um)(?![aeiouy])", "I"),
        (r"(?:an|am|en|em)(?![aeiouy])", "A"),
        (r"(?:on|om)(?![aeiouy])", "O"),
        (r"ai|ay|ei|ey|er$|et$|ez$|es$", "e"),
        (r"y", "i"),
        (r"(?<=..)[tds]+$", ""),
        (r"(?<=..)e$", ""),
        (r"ie$", "i"),
        (r"(.)\1+", r"\1"),
    )
)


_SHORTEST = 3


@lru_cache(maxsize=65536)
def sound(word: str) -> str:
    """Return the sound key of one lower-case ASCII word; the shortest are their own."""
    if len(word) < _SHORTEST:
        return word
    key = word
    for pattern, replacement in _RULES:
        key = pattern.sub(replacement, key)
    return key or word
