"""Search by what a seller types: understood, turned into terms, and scored, all in memory.

`understand` makes of a text the parts that must all be met; each part knows the terms that
find candidates (`rcu.clients.search_terms`) and says of a candidate how well it meets it, and
why. Scores are integers, so that the order is the same on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from rapidfuzz.distance import OSA

from rcu.clients.search_terms import (
    LONGEST_PREFIX,
    NAME_TERMS,
    PHONE_ENDS,
    SHORTEST_MISTYPED,
    SHORTEST_PREFIX,
    Term,
    city_sound,
    near_forms,
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

    def judge(self, terms: Collection[str]) -> Reason | None:
        """Return how a candidate with these terms meets the part, or None when it does not."""


_NAME_TENTHS: Final = {"family_name": 10, "birth_name": 9, "given_name": 8}
"""How much a match of each name counts; family names tell more apart."""
_ATTRIBUTES: Final = {kind.value: attribute for attribute, kind in NAME_TERMS.items()}


@dataclass(frozen=True, slots=True)
class Word:
    """A word: part of a name, or of a city."""

    word: str
    joined: str | None = None
    """With the particle typed before it: `leuriot` for `le uriot`."""
    is_particle: bool = False

    @property
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

    @property
    def terms(self) -> frozenset[str]:
        """Return the exact terms, the prefix, the sound and the words one letter away."""
        found = set(self.exact_terms)
        for form in filter(None, (self.word, self.joined)):
            if len(form) >= SHORTEST_PREFIX:
                found |= {
                    Term.PREFIX.of(form[:LONGEST_PREFIX]),
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

    def judge(self, terms: Collection[str]) -> Reason | None:
        """Return the best of the matches with names and cities."""
        return max(self._matches(terms), default=None)

    def _matches(self, terms: Collection[str]) -> Iterator[Reason]:
        for term in terms:
            attribute = _ATTRIBUTES.get(term[0])
            if attribute is None:
                continue
            stored = term[2:]
            close, how = closeness(self.word, stored)
            if self.joined is not None:
                close, how = max((close, how), closeness(self.joined, stored))
            if close:
                yield Reason(close * _NAME_TENTHS[attribute] // 10, attribute, how)
        yield from self._diminutives(terms)
        if Term.CITY.of(self.word) in terms:
            yield Reason(50, "city", "same")
        elif Term.CITY_SOUND.of(city_sound(self.word)) in terms:
            yield Reason(30, "city", "sounds alike")

    def _diminutives(self, terms: Collection[str]) -> Iterator[Reason]:
        full = (Term.GIVEN_NAME.of(root) for root in roots_of(self.word) - {self.word})
        if Term.FULL_GIVEN_NAME.of(self.word) in terms or any(term in terms for term in full):
            yield Reason(60, "given_name", "diminutive")


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


@dataclass(frozen=True, slots=True)
class Digits:
    """A run of digits: the end of a phone number, a postcode or its department, a birth year."""

    digits: str
    is_alone: bool
    """Without a name beside it, digits are a number only: a year or a postcode is anybody's."""

    @property
    def exact_terms(self) -> frozenset[str]:
        """Return the same terms: digits are not approximated."""
        return self.terms

    @property
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

    def judge(self, terms: Collection[str]) -> Reason | None:
        """Return the reading that tells most."""
        if self._ends_a_phone(terms):
            return Reason(60 + 4 * len(self.digits), "phone", "ends with")
        for kind, points, attribute in _READINGS:
            if kind.of(self.digits) in terms and (kind is Term.CARD or not self.is_alone):
                return Reason(points, attribute, "same")
        return None

    def _ends_a_phone(self, terms: Collection[str]) -> bool:
        if len(self.digits) < _SHORTEST_PHONE_END:
            return False
        # A whole number has its national or international prefix before what E.164 keeps.
        end = self.digits.lstrip("0") if len(self.digits) > max(PHONE_ENDS) + 2 else self.digits
        return any(term.endswith(end) for term in terms if term.startswith(Term.PHONE.of("")))


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

    def judge(self, terms: Collection[str]) -> Reason | None:
        """Return the match, or None."""
        return Reason(self.points, self.attribute, "same") if self.term in terms else None


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


def judge(
    parts: Sequence[Part], client_id: UUID, terms: Sequence[str], *, bonus: int = 0
) -> Hit | None:
    """Return how a candidate meets the parts, or None when it misses one that must be met."""
    held = frozenset(terms)
    reasons = []
    for part in parts:
        reason = part.judge(held)
        if reason is not None:
            reasons.append(reason)
        elif part.is_required:
            return None
    return Hit(client_id, bonus + sum(reason.points for reason in reasons), tuple(reasons))
