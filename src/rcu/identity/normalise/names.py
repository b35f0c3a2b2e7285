"""Names made comparable: words in plain ASCII, particles known, fillers removed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from rcu.identity.normalise.nicknames import roots_of
from rcu.identity.normalise.sound import sound
from rcu.identity.normalise.text import words

PARTICLES = frozenset(
    """
    d de del della den der des di do dos du da das e el al ben bin ibn bint abd abou abu l la
    las le les lo los mac mc o san st ste saint sainte te ten ter van vander vanden von vom zu
    zum zur y
    """.split()  # noqa: SIM905 - a block of words reads better than a quoted list
)
_GENERATIONS = {
    **dict.fromkeys(("sr", "snr", "senior"), "first"),
    **dict.fromkeys(("jr", "jnr", "junior", "ii", "filho"), "second"),
    **dict.fromkeys(("iii", "neto"), "third"),
    "iv": "fourth",
}
"""What tells apart those of one family who bear one name, as written behind it."""
_CIVILITIES = {
    **dict.fromkeys(["m", "mr", "monsieur", "mister", "sir", "herr", "sr"], "m"),
    **dict.fromkeys(
        "mme mlle melle madame mademoiselle mrs ms miss frau sra".split(),  # noqa: SIM905
        "f",
    ),
}
"""Forms of address."""
_SEXES = {
    **dict.fromkeys(
        """
        1 h hombre homme m maennlich male man mann mannlich maschile maschio masculin masculino
        uomo
        """.split(),  # noqa: SIM905 - a block of words reads better than a quoted list
        "m",
    ),
    **dict.fromkeys(
        """
        2 f female femenino femme femmina femminile feminin feminino mujer mulher vrouw w weiblich
        woman
        """.split(),  # noqa: SIM905 - a block of words reads better than a quoted list
        "f",
    ),
}
"""What a column of sexes holds; none of it stands before a name, where some are names."""
_CIVILITY_WORDS = frozenset(
    {"mr", "mme", "mlle", "melle", "monsieur", "madame", "mademoiselle", "mrs"}
)
_FILLERS = frozenset(
    """
    aaa abc abcd anonyme anonymous aucun aucune azerty caisse client cliente clients comptoir
    customer inconnu inconnue na nc neant nom none null nr prenom qwerty test tests unknown vide
    vendeur xx xxx xxxx zzz
    """.split()  # noqa: SIM905 - a block of words reads better than a quoted list
)
_MAX_WORDS = 6


@lru_cache(maxsize=65536)
def name_words(text: str | None) -> tuple[str, ...]:
    """Return the words of a name as comparable ASCII, in order; empty for nothing and for fillers.

    Digits and titles standing inside the name go; particles stay, because `Le Uriot` and
    `Leuriot` are one name.
    """
    if not text:
        return ()
    found = [word for word in words(text) if not word.isdigit()]
    if len(found) > 1:
        found = [word for word in found if word not in _CIVILITY_WORDS] or found
    letters = "".join(found)
    if all(word in _FILLERS for word in found) or len(set(letters)) == 1 < len(letters):
        return ()
    return tuple(found[:_MAX_WORDS])


@lru_cache(maxsize=1024)
def gender_of_title(title: str | None) -> str | None:
    """Return `f` or `m` as a form of address or a word for a sex says it, or None."""
    if not title:
        return None
    found = words(title)
    return _CIVILITIES.get(found[0]) or _SEXES.get(found[0]) if found else None


def is_form_of_address(word: str) -> bool:
    """Tell whether a word stands before a name and is no part of it: `Mme`, `Mr.`."""
    return "".join(words(word)) in _CIVILITIES


@dataclass(slots=True, unsafe_hash=True)
class NameFacets:
    """One name seen from every side that comparing needs. `words` is its identity.

    Never changed once made, though not declared frozen: as of `Features`.
    """

    words: tuple[str, ...]
    joined: str
    """All words run together: `lesidaner`."""
    core: tuple[str, ...]
    """The words that are neither particles nor a generation: `sidaner`; all when there are none."""
    core_joined: str
    sound: str
    """The sound of the core, run together."""
    roots: frozenset[str]
    """The given names that this one can stand for: itself, and what it is short for."""
    initials: bool
    """Only initials: `j`, `j p`, `jp`."""
    has_vowels: bool
    consonants: str
    """Those that a script without vowels writes too: `hsn` of `hussein` and of `hsyn`."""


_BESIDE_THE_CORE = PARTICLES | _GENERATIONS.keys()


def generation_of(*names: tuple[str, ...]) -> str | None:
    """Return the generation that stands behind a name (`Smith Jr`, `John III`), or None.

    A last `I` is one behind the family name, the last of `names`, and an initial elsewhere.
    """
    for name in names:
        for word in name[1:]:
            if word in _GENERATIONS:
                return _GENERATIONS[word]
    family = names[-1]
    return "first" if len(family) > 1 and family[-1] == "i" else None


def is_generation(word: str) -> bool:
    """Tell whether a word says which of those of one name is meant: `Jr.`, `III`."""
    return "".join(words(word)) in _GENERATIONS


@lru_cache(maxsize=65536)
def facets(name: tuple[str, ...]) -> NameFacets:
    """Return the facets of a name given as its words."""
    joined = "".join(name)
    core = name if _BESIDE_THE_CORE.isdisjoint(name) else _core_of(name)
    core_joined = "".join(core)
    return NameFacets(
        words=name,
        joined=joined,
        core=core,
        core_joined=core_joined,
        sound=sound(core_joined),
        roots=roots_of(joined),
        initials=joined in _INITIAL_PAIRS or all(len(word) == 1 for word in name),
        has_vowels=_VOWEL.search(joined) is not None,
        consonants=_NOT_CONSONANT.sub("", joined),
    )


def _core_of(name: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([word for word in name if word not in _BESIDE_THE_CORE]) or name


_VOWEL = re.compile("[aeiou]")
_NOT_CONSONANT = re.compile(r"[aeiouyw]|h$|(.)(?=\1)")
"""Long vowels are written as `w` and `y`, a last `a` as `h`; double letters are not."""

_CONSONANTS = "bcdfghjklmnpqrstvwxz"
_INITIAL_PAIRS = frozenset(a + b for a in _CONSONANTS for b in _CONSONANTS)
