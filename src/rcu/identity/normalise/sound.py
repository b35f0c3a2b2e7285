"""A sound key for names: equal for names that French ears confuse, stable for other languages.

Our own rules, from the spelling of French: nasal vowels, silent endings, doubled letters,
letters that share a sound. Not a dictionary, and no code of a fixed length: a longer name
keeps a longer key, so that the key stays selective.
"""

from __future__ import annotations

import re
from functools import lru_cache

RULES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (needed, re.compile(pattern), sound)
    for needed, pattern, sound in (
        ("", r"[^a-z]", ""),
        ("ill", r"ill(?=[aeiou])", "y"),
        ("", r"(.)(?=\1)", ""),
        ("kn", r"^kn", "n"),
        ("", r"sch|tch|sh|ch(?![lrn])|cz", "S"),
        ("ph", r"ph", "f"),
        ("th", r"th", "t"),
        ("g", r"gh|gu(?=[eiy])", "g"),
        ("", r"c?qu?|ck|c(?=[aouklrnt]|$)|ch", "k"),
        ("gn", r"gn", "n"),
        ("c", r"sc(?=[eiy])|c", "s"),
        ("g", r"g(?=[eiy])", "j"),
        ("x", r"x", "ks"),
        ("ks", r"ks$", ""),
        ("z", r"z", "s"),
        ("w", r"w", "v"),
        ("h", r"h", ""),
        ("", r"eaux?|au[xtd]?|ots?$", "o"),
        ("o", r"ou|oo", "u"),
        ("e", r"oeu|eu|oe", "e"),
        ("", r"(?:ain|ein|aim|in|im|yn|ym|un|um)(?![aeiouy])", "I"),
        ("", r"(?:an|am|en|em)(?![aeiouy])", "A"),
        ("o", r"(?:on|om)(?![aeiouy])", "O"),
        ("", r"ai|ay|ei|ey|er$|et$|ez$|es$", "e"),
        ("y", r"y", "i"),
        ("", r"(?<=..)[tds]+$", ""),
        ("e", r"(?<=..)e$", ""),
        ("ie", r"ie$", "i"),
        ("", r"(.)(?=\1)", ""),
    )
)
"""In their order: what must be there for a rule to apply, as is soon seen; what it looks for; the
sound of that, never by what was found (`\\1`), which takes ten times as long to fill in."""


_SHORTEST = 3


@lru_cache(maxsize=65536)
def sound(word: str) -> str:
    """Return the sound key of one lower-case ASCII word; the shortest are their own."""
    if len(word) < _SHORTEST:
        return word
    key = word
    for needed, pattern, replacement in RULES:
        if needed in key:
            key = pattern.sub(replacement, key)
    return key or word
