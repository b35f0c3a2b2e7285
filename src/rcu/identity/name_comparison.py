"""Names compared: as sets, straight and crossed, by letters, sound, short forms and initials."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from rapidfuzz.distance import OSA, JaroWinkler

from rcu.identity.features import Features
from rcu.identity.levels import (
    BIRTH_NAME,
    DIFFERENT,
    EXACT,
    INITIAL,
    MISSING,
    MISSING_VALUE,
    NICKNAME,
    PART,
    PARTICLE,
    RESEMBLING,
    SAME_SOUND,
    SWAPPED,
    TYPING_ERROR,
    Compared,
    ComparedNames,
    level_only,
)
from rcu.identity.normalise.names import PARTICLES, NameFacets, facets, generation_of

_TYPING_ERROR_SIMILARITY = 0.92
_RESEMBLING_SIMILARITY = 0.80
_SHORT, _LONG = 4, 8
_SHORTEST_TRUNCATION = 3
_FEWEST_CONSONANTS = 3

_CERTAIN = frozenset({EXACT, NICKNAME, BIRTH_NAME, PARTICLE})
_STRONG = frozenset({EXACT, NICKNAME, SAME_SOUND, TYPING_ERROR})
_PLAUSIBLE = _STRONG | {PART, INITIAL}

_ORDER = (
    EXACT,
    PARTICLE,
    BIRTH_NAME,
    SWAPPED,
    NICKNAME,
    PART,
    TYPING_ERROR,
    SAME_SOUND,
    INITIAL,
    RESEMBLING,
    DIFFERENT,
)

CommonName = Callable[[str], bool]


def compare_names(a: Features, b: Features, is_common: CommonName) -> ComparedNames:
    """Compare given and family names, straight and crossed.

    `is_common` tells a given name that many people bear: two different common given names are
    two people (Julie, Julien), never a typing error. So are two generations (Jr, Sr), which part
    those of one name as two given names would.
    """
    if _are_of_two_generations(a, b):
        return ComparedNames(level_only(DIFFERENT), compare_family(a, b))
    given = compare_given(a.given_name, b.given_name, is_common)
    family = compare_family(a, b)
    if given.level == MISSING:
        return _compare_lone_names(a, b, family) or ComparedNames(given, family)
    if given.level in _CERTAIN:
        return ComparedNames(given, family)
    if given.level in _PLAUSIBLE and (family.level in _PLAUSIBLE or family.level in _CERTAIN):
        return ComparedNames(given, family)
    return _compare_crossed(a, b, is_common) or ComparedNames(given, family)


def _compare_lone_names(a: Features, b: Features, family: Compared) -> ComparedNames | None:
    """Compare a name that stands alone, as a family name, with a given name that it may be.

    None unless it is that and no family name of the other.
    """
    if family.level != DIFFERENT:
        return None
    lone, whole = (b, a) if a.given_name else (a, b)
    if not whole.given_name:
        return None
    found = compare_given(lone.family_name, whole.given_name, _never)
    if found.level not in _STRONG:
        return None
    return ComparedNames(_as_swapped(found), MISSING_VALUE)


def _are_of_two_generations(a: Features, b: Features) -> bool:
    one = generation_of(a.given_name, a.family_name)
    return one is not None and generation_of(b.given_name, b.family_name) not in {None, one}


def given_names_differ(a: Features, b: Features, is_common: CommonName) -> bool:
    """Tell whether `compare_names` finds the given names different, at less cost.

    Crossing names is what can mend a difference, and never makes one.
    """
    if _are_of_two_generations(a, b):
        return True
    given = cached_given(a.given_name, b.given_name, is_common)
    return given.level == DIFFERENT and _compare_crossed(a, b, is_common) is None


class GivenNames:
    """The given names of one record beside those of many: whose are plainly different.

    As `given_names_differ` says of each. Many have a name in common, which is compared once, and
    hardly any bear one of ours on the other side: whose names cannot have changed places is told
    without looking at them together.
    """

    def __init__(self, own: Features, is_common: CommonName) -> None:
        self._own = own
        self._is_common = is_common
        self._is_uncommon = not is_common(facets(own.given_name).joined)
        """Else the family name alone, which would be their given name, is not taken for swapped."""
        self._differs: dict[str, bool] = {}
        self._may_be_given: dict[str, bool] = {}
        self._may_be_family: dict[str, bool] = {}

    def differ(self, given: str, family: str, birth: str) -> bool:
        """Tell it of somebody's names, each as its words with blanks between.

        False says nothing of generations.
        """
        differs = self._differs.get(given)
        if differs is None:
            words = tuple(given.split())
            level = cached_given(self._own.given_name, words, self._is_common).level
            differs = self._differs[given] = level == DIFFERENT
        if not differs:
            return False
        if not (
            self._is_given(family)
            or self._is_given(birth)
            or (self._is_uncommon and self._is_family(given))
        ):
            return True
        theirs = Features(tuple(given.split()), tuple(family.split()), tuple(birth.split()))
        return given_names_differ(self._own, theirs, self._is_common)

    def _is_given(self, family: str) -> bool:
        """Tell whether their family name may be our given name."""
        found = self._may_be_given.get(family)
        if found is None:
            level = compare_given(self._own.given_name, tuple(family.split()), _never).level
            found = self._may_be_given[family] = level in _PLAUSIBLE
        return found

    def _is_family(self, given: str) -> bool:
        """Tell whether their given name may be our family name, or our birth name."""
        found = self._may_be_family.get(given)
        if found is None:
            words = tuple(given.split())
            found = self._may_be_family[given] = any(
                compare_given(ours, words, _never).level in _PLAUSIBLE
                for ours in (self._own.family_name, self._own.birth_name)
            )
        return found


def _compare_crossed(a: Features, b: Features, is_common: CommonName) -> ComparedNames | None:
    """Compare each given name with the other's family names; None when they are not swapped."""
    found = [
        crossed
        for ours in (a.family_name, a.birth_name)
        for theirs in (b.family_name, b.birth_name)
        if ours and theirs
        if (crossed := _swap(a.given_name, ours, b.given_name, theirs, is_common))
    ]
    return min(found, key=lambda names: (_rank(names.family), _rank(names.given)), default=None)


def _rank(found: Compared) -> tuple[int, str]:
    """Order levels best first, then by value: the same choice from either side of a pair."""
    return _ORDER.index(found.level), found.value or ""


def _swap(
    given: tuple[str, ...],
    family: tuple[str, ...],
    other_given: tuple[str, ...],
    other_family: tuple[str, ...],
    is_common: CommonName,
) -> ComparedNames | None:
    one = compare_given(given, other_family, _never)
    two = compare_given(family, other_given, _never)
    if _are_crossed(one.level, two.level) and not (
        RESEMBLING in {one.level, two.level}
        and is_common(facets(given).joined)
        and is_common(facets(other_given).joined)
    ):  # two given names that many bear are two names: Thomas Martin, Martin Tomasi
        # Which of the two is the given name: the one that many bear; else by spelling, so that
        # both orders of the pair give the same answer.
        names = ((given, other_family), (family, other_given))
        rank = [
            (not any(is_common(facets(n).joined) for n in pair), sorted(pair)) for pair in names
        ]
        if rank[1] < rank[0]:
            one, two = two, one
        return ComparedNames(_as_swapped(one), _as_swapped(two))
    # One record is swapped and shows another family name: birth against married name.
    if (
        one.level in {EXACT, NICKNAME}
        and not is_common(facets(other_given).joined)
        and is_common(facets(given).joined)
    ):
        return ComparedNames(_as_swapped(one), level_only(DIFFERENT))
    if (
        two.level in {EXACT, NICKNAME}
        and not is_common(facets(given).joined)
        and is_common(facets(other_given).joined)
    ):
        return ComparedNames(_as_swapped(two), level_only(DIFFERENT))
    return None


def _are_crossed(one: str, two: str) -> bool:
    """Tell whether two names have changed places, by how each is found on the other side.

    One of them has to be there for certain, be it with an error; the other may be worse where the
    first is there to the letter: a name that stands on the wrong side is not there by chance.
    """
    if one in _PLAUSIBLE and two in _PLAUSIBLE:
        return one in _STRONG or two in _STRONG
    return (one, two) in _ONE_TO_THE_LETTER


_ONE_TO_THE_LETTER = frozenset({(EXACT, RESEMBLING), (RESEMBLING, EXACT)})


def _as_swapped(found: Compared) -> Compared:
    return Compared(SWAPPED, found.value) if found.level == EXACT else found


def _never(_name: str) -> bool:
    return False


def compare_given(a: tuple[str, ...], b: tuple[str, ...], is_common: CommonName) -> Compared:
    """Return the level of two given names, each as its words."""
    if not a or not b:
        return MISSING_VALUE
    one, two = facets(a), facets(b)
    if one.joined == two.joined:
        return level_only(INITIAL) if one.initials else Compared(EXACT, one.joined)
    if one.initials or two.initials:
        return level_only(_compare_initials(one, two))
    if one.roots & two.roots:
        return level_only(NICKNAME)
    if len(a) > 1 or len(b) > 1:
        part = _compare_parts(one, two, is_common)
        if part is not None:
            return level_only(part)
    return level_only(
        _compare_word(one, two, both_common=is_common(one.joined) and is_common(two.joined))
    )


cached_given = lru_cache(maxsize=1 << 15)(compare_given)
"""Compares two given names, and remembers the answer: few given names are borne by many."""


def _compare_word(one: NameFacets, two: NameFacets, *, both_common: bool) -> str:
    same_sound = one.sound == two.sound
    if not same_sound and _without_vowels(one, two):
        return RESEMBLING
    if both_common:
        return RESEMBLING if same_sound else DIFFERENT
    if same_sound:
        return SAME_SOUND
    a, b = one.joined, two.joined
    short, long = (a, b) if len(a) < len(b) else (b, a)
    if _near_a_root(one, two) or _near_a_root(two, one):
        return TYPING_ERROR
    if len(short) >= _SHORTEST_TRUNCATION and long.startswith(short):
        return NICKNAME if len(short) < len(long) - 1 else TYPING_ERROR
    return closeness(a, b)


def _without_vowels(one: NameFacets, two: NameFacets) -> bool:
    """Tell whether one name is the other without its vowels: `hsyn`, `hussein`.

    So come names out of a script that writes none, Arabic or Hebrew. It can be the same name, and
    it can be another of the same consonants (`hassan`): it speaks neither for nor against.
    """
    if one.has_vowels == two.has_vowels:
        return False
    return one.consonants == two.consonants and len(one.consonants) >= _FEWEST_CONSONANTS


def _near_a_root(one: NameFacets, two: NameFacets) -> bool:
    """Tell whether `one` is short for a name that `two` mistypes: `caro`, `caoline`."""
    return len(one.roots) > 1 and any(
        min(len(root), len(two.joined)) > _SHORT
        and OSA.distance(root, two.joined, score_cutoff=1) <= 1
        for root in one.roots
    )


def closeness(a: str, b: str) -> str:
    """Return how close two words are: `typing_error`, `resembling` or `different`."""
    shortest = min(len(a), len(b))
    if shortest < _SHORT:
        return RESEMBLING if OSA.distance(a, b, score_cutoff=1) <= 1 else DIFFERENT
    allowed = 2 if shortest >= _LONG else 1
    if OSA.distance(a, b, score_cutoff=allowed) <= allowed:
        return TYPING_ERROR
    similarity = JaroWinkler.similarity(a, b)
    if similarity >= _TYPING_ERROR_SIMILARITY:
        return TYPING_ERROR
    return RESEMBLING if similarity >= _RESEMBLING_SIMILARITY else DIFFERENT


def _compare_initials(one: NameFacets, two: NameFacets) -> str:
    """Return the level of two given names of which one is initials only.

    A lone initial that is the other's second may be what is left of the name of a person who goes
    by it, or of a cell that was not filled: it speaks neither for nor against.
    """
    if _initials_agree(one, two):
        return INITIAL
    is_second = any(
        len(short.joined) == 1 and any(word[0] == short.joined for word in long.words[1:])
        for short, long in ((one, two), (two, one))
    )
    return RESEMBLING if is_second else DIFFERENT


def _initials_agree(one: NameFacets, two: NameFacets) -> bool:
    short, long = (one, two) if one.initials else (two, one)
    letters = short.joined
    full = "".join(word[0] for word in long.words)
    return full.startswith(letters) or letters.startswith(full)


def _compare_parts(one: NameFacets, two: NameFacets, is_common: CommonName) -> str | None:
    """Compare compound given names: a part may agree, or disagree beside a part that agrees.

    Particles that only one side has do not count: `maria del carmen` is `maria carmen`.
    """
    if one.sound == two.sound:
        return SAME_SOUND
    short, long = (one, two) if len(one.words) <= len(two.words) else (two, one)
    left = list(long.words)
    missing = []
    matched = whole = 0
    for word in short.words:
        hit = next((other for other in left if _same_part(word, other, is_common)), None)
        if hit is None:
            missing.append(word)
        else:
            left.remove(hit)
            matched += 1
            whole += min(len(word), len(hit)) > 1
    if not whole:
        return INITIAL if matched and _initials_lead(one, two) else None
    missing, left = _without_particles(missing), _without_particles(left)
    if not (missing and left):
        return PART if missing or left else TYPING_ERROR
    if len(missing) == 1 == len(left):
        return _compare_last_part(missing[0], left[0], is_common)
    return None


def _without_particles(words: list[str]) -> list[str]:
    return [word for word in words if word not in PARTICLES]


def _same_part(a: str, b: str, is_common: CommonName) -> bool:
    """Tell whether two parts of given names are one: by letters, as a short form, or by sound."""
    if _same_word(a, b):
        return True
    one, two = facets((a,)), facets((b,))
    if one.roots & two.roots:
        return True
    return one.sound == two.sound and not (is_common(a) and is_common(b))


def _compare_last_part(a: str, b: str, is_common: CommonName) -> str:
    """Compare the one part of each of two compound names that is not found in the other.

    As two names are that consist of it: `jamal yusuf` and `jamal yousef` are no more two people
    than Yusuf and Yousef are.
    """
    one, two = facets((a,)), facets((b,))
    if one.initials or two.initials:
        return DIFFERENT
    level = _compare_word(one, two, both_common=is_common(a) and is_common(b))
    return TYPING_ERROR if level in _STRONG else level


def _initials_lead(one: NameFacets, two: NameFacets) -> bool:
    """Tell whether the first words agree: of `j luc` and `jean`, not of `david m` and `mary`."""
    return _same_word(one.words[0], two.words[0])


def _same_word(a: str, b: str) -> bool:
    if a == b or (1 in (len(a), len(b)) and a[0] == b[0]):
        return True
    return min(len(a), len(b)) >= _SHORTEST_TRUNCATION and OSA.distance(a, b, score_cutoff=1) <= 1


def compare_family(a: Features, b: Features) -> Compared:
    """Return the level of the family names, birth names included: the best of all pairings."""
    if not a.family_name or not b.family_name:
        return MISSING_VALUE
    straight = _compare_surnames(facets(a.family_name), facets(b.family_name))
    if straight.level == EXACT or not (a.birth_name or b.birth_name):
        return straight
    crossed = [
        _compare_surnames(facets(x), facets(y))
        for x, y in (
            (a.family_name, b.birth_name),
            (a.birth_name, b.family_name),
            (a.birth_name, b.birth_name),
        )
        if x and y
    ]
    best = min(crossed, key=_rank, default=straight)
    if best.level in {EXACT, PARTICLE}:
        return Compared(BIRTH_NAME, best.value)
    return best if straight.level == DIFFERENT else straight


def _compare_surnames(  # noqa: PLR0911 - one return a level, best first
    one: NameFacets, two: NameFacets
) -> Compared:
    if one.joined == two.joined:
        return level_only(INITIAL) if one.initials else Compared(EXACT, one.core_joined)
    if one.core_joined == two.core_joined:
        return Compared(PARTICLE, one.core_joined)
    if one.initials or two.initials:
        return level_only(INITIAL if _initials_agree(one, two) else DIFFERENT)
    if len(one.core) > 1 or len(two.core) > 1:
        common = [word for word in one.core if word in two.core and len(word) > 1]
        if common:
            return Compared(PART, min(common, key=lambda word: (-len(word), word)))
        if any(
            _same_word(x, y) for x in one.core for y in two.core if min(len(x), len(y)) > _SHORT
        ):
            return level_only(TYPING_ERROR)
    if one.sound == two.sound:
        return level_only(SAME_SOUND)
    if _without_vowels(one, two):
        return level_only(RESEMBLING)
    return level_only(closeness(one.joined, two.joined))
