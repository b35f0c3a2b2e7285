"""Search by what a seller types: understood, turned into terms, and scored, all in memory.

`understand` makes of a text the parts that must all be met; each part knows the terms that
find candidates (`rcu.clients.search_terms`) and says of a candidate how well it meets it, and
why. Scores are integers, so that the order is the same on every machine.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, Protocol
from uuid import UUID

from rapidfuzz.distance import OSA

from rcu.clients.search_terms import (
    NAME_TERMS,
    PHONE_ENDS,
    SHORTEST_MISTYPED,
    SHORTEST_PREFIX,
    Term,
    city_sound,
    near_forms,
    prefix,
)
from rcu.identity.normalise.dates import normalise_birth_date
from rcu.identity.normalise.emails import normalise_email
from rcu.identity.normalise.names import PARTICLES
from rcu.identity.normalise.nicknames import roots_of
from rcu.identity.normalise.sound import sound
from rcu.identity.normalise.text import words

MAX_PARTS: Final = 8
"""What is typed beyond that many words is not looked at."""
STORE_BONUS: Final = 15
"""For a client of the store that asks: breaks ties, never beats a better match by itself."""

_EMAIL: Final = re.compile(r"\S+@\S+")
_DATE: Final = re.compile(r"(?<!\d)(?:\d{1,2}[/.-]\d{1,2}[/.-]\d{4}|\d{4}-\d{1,2}-\d{1,2})(?!\d)")
_PHONE: Final = re.compile(r"(?<!\d)\+?\d{1,3}(?:[ .-]\d{1,2})?(?:[ .-]\d{2})+(?!\d)")
_ATTRIBUTES: Final = {kind.value: attribute for attribute, kind in NAME_TERMS.items()}
NAME_KINDS: Final = frozenset(_ATTRIBUTES)
_SHORTEST_PHONE_END: Final = min(PHONE_ENDS)
_SHORTEST_CARD: Final = 8
_LONG_WORD: Final = 7
"""From that length two letters may be wrong."""


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """Why a candidate meets one part of what was typed, and what that is worth."""

    points: int
    attribute: str
    match: str


class Candidate:
    """A client that may be meant, by its terms."""

    __slots__ = ("client_id", "names", "phones", "terms")

    def __init__(self, client_id: UUID, terms: Sequence[str]) -> None:
        """Take the sorted terms of a golden record."""
        self.client_id = client_id
        self.terms = frozenset(terms)
        self.names = [(_ATTRIBUTES[term[0]], term[2:]) for term in _of_kinds(terms, NAME_KINDS)]
        self.phones = [term[2:] for term in _of_kinds(terms, {Term.PHONE})]


def _of_kinds(terms: Sequence[str], kinds: Collection[str]) -> Iterator[str]:
    """Yield the terms of some kinds; terms are sorted, so that the rest need not be looked at."""
    for kind in sorted(kinds):
        start = bisect_left(terms, kind + ":")
        for position in range(start, len(terms)):
            if terms[position][0] != kind:
                break
            yield terms[position]


class Part(Protocol):
    """One thing that was typed."""

    @property
    def exact_terms(self) -> frozenset[str]:
        """The terms that meet the part exactly; any of them."""

    @property
    def terms(self) -> frozenset[str]:
        """The terms of which a candidate has one at least; empty when it filters nothing."""

    @property
    def is_required(self) -> bool:
        """Whether a candidate that does not meet the part is none."""

    @property
    def is_selective(self) -> bool:
        """Whether the part by itself designates few enough clients."""

    def judge(self, candidate: Candidate) -> Reason | None:
        """Return how a candidate meets the part, or None when it does not."""


_NAME_TENTHS: Final = {"family_name": 10, "birth_name": 9, "given_name": 8}
"""How much a match of each name counts; family names tell more apart."""


@dataclass(frozen=True)
class Word:
    """A word: part of a name, or of a city."""

    word: str
    joined: str | None = None
    """With the particle typed before it: `leuriot` for `le uriot`."""
    is_particle: bool = False

    @cached_property
    def exact_terms(self) -> frozenset[str]:
        """Return the names, the city, and what the word is a diminutive of, or has for one."""
        forms = [self.word] if self.joined is None else [self.word, self.joined]
        return frozenset(
            {
                *(kind.of(form) for kind in NAME_TERMS.values() for form in forms),
                *map(Term.GIVEN_NAME.of, roots_of(self.word)),
                Term.FULL_GIVEN_NAME.of(self.word),
                Term.CITY.of(self.word),
            }
        )

    @cached_property
    def terms(self) -> frozenset[str]:
        """Return the exact terms, the prefix, the sound and the words one letter away."""
        found = set(self.exact_terms)
        for form in filter(None, (self.word, self.joined)):
            if len(form) >= SHORTEST_PREFIX:
                found |= {
                    Term.PREFIX.of(prefix(form)),
                    Term.SOUND.of(sound(form)),
                    Term.CITY_SOUND.of(city_sound(form)),
                }
            found.update(map(Term.NEAR.of, near_forms(form)))
        return frozenset(found)

    @property
    def is_required(self) -> bool:
        """Say whether it is more than an initial or a particle, which only add."""
        return len(self.word) > 1 and not self.is_particle

    @property
    def is_selective(self) -> bool:
        """Say whether it may be a whole name: `li` yes, `de` no."""
        return self.is_required and (
            len(self.word) >= SHORTEST_PREFIX or self.word not in PARTICLES
        )

    def judge(self, candidate: Candidate) -> Reason | None:
        """Return the best of the matches with names and cities."""
        return max(self._matches(candidate), default=None)

    def _matches(self, candidate: Candidate) -> Iterator[Reason]:
        for attribute, stored in candidate.names:
            close, how = closeness(self.word, stored)
            if self.joined is not None:
                close, how = max((close, how), closeness(self.joined, stored))
            if close:
                yield Reason(close * _NAME_TENTHS[attribute] // 10, attribute, how)
        if not self._diminutives.isdisjoint(candidate.terms):
            yield Reason(60, "given_name", "diminutive")
        if self._city in candidate.terms:
            yield Reason(50, "city", "same")
        elif self._city_sound in candidate.terms:
            yield Reason(30, "city", "sounds alike")

    @cached_property
    def _diminutives(self) -> frozenset[str]:
        full = map(Term.GIVEN_NAME.of, roots_of(self.word) - {self.word})
        return frozenset({Term.FULL_GIVEN_NAME.of(self.word), *full})

    @cached_property
    def _city(self) -> str:
        return Term.CITY.of(self.word)

    @cached_property
    def _city_sound(self) -> str:
        return Term.CITY_SOUND.of(city_sound(self.word))


@lru_cache(maxsize=8192)
def closeness(typed: str, stored: str) -> tuple[int, str]:
    """Return how close a typed word is to a stored one, 0 (not) to 100 (the same), and how.

    Letters: one insertion, deletion, exchange or swap of neighbours is one (optimal string
    alignment); from seven letters on, two are forgiven.
    """
    if typed == stored:
        return 100, "same"
    if len(typed) == 1:
        return (25, "initial") if stored.startswith(typed) else (0, "")
    if len(typed) >= SHORTEST_PREFIX and stored.startswith(typed):
        return 75 + 9 * len(typed) // len(stored), "starts with"
    if min(len(typed), len(stored)) >= SHORTEST_MISTYPED:
        allowed = 2 if len(typed) >= _LONG_WORD else 1
        distance = OSA.distance(typed, stored, score_cutoff=allowed)
        if distance <= allowed:
            return (82, "one letter different") if distance == 1 else (50, "two letters different")
        if sound(typed) == sound(stored):
            return 70, "sounds alike"
    return 0, ""


_READINGS: Final = (
    (Term.CARD, 200, "card"),
    (Term.POSTCODE, 60, "postcode"),
    (Term.BIRTH_YEAR, 50, "birth_year"),
    (Term.DEPARTMENT, 20, "department"),
)


@dataclass(frozen=True)
class Digits:
    """A run of digits: the end of a phone number, a postcode or its department, a birth year."""

    digits: str
    is_alone: bool
    """Without a name beside it, digits are a number only: a year or a postcode is anybody's."""

    @cached_property
    def exact_terms(self) -> frozenset[str]:
        """Return the same terms: digits are not approximated."""
        return self.terms

    @cached_property
    def terms(self) -> frozenset[str]:
        """Return the terms of every reading of the digits."""
        found = {Term.CARD.of(self.digits)} if len(self.digits) >= _SHORTEST_CARD else set()
        if len(self.digits) >= _SHORTEST_PHONE_END:
            length = max(length for length in PHONE_ENDS if length <= len(self.digits))
            found.add(Term.PHONE_END.of(self.digits[-length:]))
        if not self.is_alone:
            found |= {
                Term.POSTCODE.of(self.digits),
                Term.DEPARTMENT.of(self.digits),
                Term.BIRTH_YEAR.of(self.digits),
            }
        return frozenset(found)

    @property
    def is_required(self) -> bool:
        """Say yes."""
        return True

    @property
    def is_selective(self) -> bool:
        """Say whether there are enough digits for the end of a phone number."""
        return len(self.digits) >= _SHORTEST_PHONE_END

    def judge(self, candidate: Candidate) -> Reason | None:
        """Return the reading that tells most."""
        if self.is_selective and any(phone.endswith(self._end) for phone in candidate.phones):
            return Reason(60 + 4 * len(self.digits), "phone", "ends with")
        for kind, points, attribute in _READINGS:
            term = kind.of(self.digits)
            if term in candidate.terms and term in self.terms:
                return Reason(points, attribute, "same")
        return None

    @cached_property
    def _end(self) -> str:
        # A whole number has its national or international prefix before what E.164 keeps.
        is_whole = len(self.digits) > max(PHONE_ENDS) + 2
        return self.digits.lstrip("0") if is_whole else self.digits


@dataclass(frozen=True, slots=True)
class Exactly:
    """A value that is met exactly or not at all: a birth date, an e-mail."""

    term: str
    attribute: str
    points: int

    @property
    def exact_terms(self) -> frozenset[str]:
        """Return the one term."""
        return frozenset({self.term})

    @property
    def terms(self) -> frozenset[str]:
        """Return the one term."""
        return frozenset({self.term})

    @property
    def is_required(self) -> bool:
        """Say yes."""
        return True

    @property
    def is_selective(self) -> bool:
        """Say yes."""
        return True

    def judge(self, candidate: Candidate) -> Reason | None:
        """Return the match, or None."""
        if self.term not in candidate.terms:
            return None
        return Reason(self.points, self.attribute, "same")


@dataclass(frozen=True, slots=True)
class Hit:
    """A candidate that meets every part."""

    client_id: UUID
    score: int
    reasons: tuple[Reason, ...]

    @property
    def rank(self) -> tuple[int, UUID]:
        """Return the place in the order: better scores first, then older clients."""
        return -self.score, self.client_id


def understand(text: str) -> list[Part]:
    """Return the parts of what was typed, in any order; all of them must be met.

    Nothing, or nothing but what a great many share (a lone letter, a department), gives
    parts none of which is selective: see `is_too_vague`.
    """
    parts: list[Part] = []
    rest = text

    def take(pattern: re.Pattern[str]) -> list[str]:
        nonlocal rest
        found = pattern.findall(rest)
        rest = pattern.sub(" ", rest)
        return found

    for written in take(_EMAIL):
        email = normalise_email(written)
        if email is not None:
            parts.append(Exactly(Term.EMAIL.of(email), "email", 200))
    for written in take(_DATE):
        day = normalise_birth_date(written)
        if day is not None:
            parts.append(Exactly(Term.BIRTH_DATE.of(day.isoformat()), "birth_date", 100))
    numbers = [re.sub(r"\D", "", written) for written in take(_PHONE)]
    typed = words(rest)
    numbers += [word for word in typed if word.isdigit()]
    names = [word for word in typed if not word.isdigit()]
    parts += _words(names)
    parts += [Digits(number, is_alone=not names) for number in numbers]
    return parts[:MAX_PARTS]


def _words(names: Sequence[str]) -> list[Word]:
    """Return the words; a particle only adds to the word that it stands before."""
    found = []
    before = ""
    for position, name in enumerate(names):
        is_particle = name in PARTICLES and position < len(names) - 1
        found.append(Word(name, joined=before + name if before else None, is_particle=is_particle))
        before = before + name if is_particle else ""
    return found


def is_too_vague(parts: Sequence[Part]) -> bool:
    """Say whether what was typed could be almost anybody."""
    return not any(part.is_selective for part in parts)


def judge(parts: Sequence[Part], candidate: Candidate, *, bonus: int = 0) -> Hit | None:
    """Return how a candidate meets the parts, or None when it misses one that must be met."""
    reasons = []
    score = bonus
    for part in parts:
        reason = part.judge(candidate)
        if reason is not None:
            reasons.append(reason)
            score += reason.points
        elif part.is_required:
            return None
    return Hit(candidate.client_id, score, tuple(reasons))
