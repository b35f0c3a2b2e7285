"""Two records compared, attribute by attribute: which level each reaches."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import NamedTuple

from rapidfuzz.distance import OSA, JaroWinkler

from rcu.identity.features import EMAIL, PHONE, CARD, Features
from rcu.identity.normalise.addresses import Address
from rcu.identity.normalise.cards import CardCheck, check_card
from rcu.identity.normalise.names import NameFacets, facets
from rcu.identity.normalise.phones import is_landline

EXACT, DIFFERENT, MISSING, SHARED, TYPING_ERROR = "exact", "different", "missing", "shared", "typing_error"
RESEMBLING, SWAPPED, PART, INITIAL, SAME_SOUND = "resembling", "swapped", "part", "initial", "same_sound"
NICKNAME = "nickname"

_TYPING_ERROR_SIMILARITY = 0.92
_RESEMBLING_SIMILARITY = 0.80
_SHORT, _LONG = 4, 8
_SHORTEST_TRUNCATION = 3

_MAIL_PROVIDERS = frozenset(
    """
    aliceadsl.fr aol.com aol.fr bbox.fr free.fr gmail.com gmx.com gmx.fr gmx.net hotmail.be hotmail.co.uk hotmail.com
    hotmail.es hotmail.fr hotmail.it icloud.com laposte.net live.be live.com live.fr mac.com me.com msn.com neuf.fr
    numericable.fr orange.com orange.fr outlook.com outlook.fr outlook.es pm.me proton.me protonmail.com sfr.fr sfr.net
    wanadoo.fr yahoo.ca yahoo.co.uk yahoo.com yahoo.es yahoo.fr yahoo.it ymail.com
    """.split()  # noqa: SIM905 - a block of words reads better than a quoted list
)
"""Domains that exist: one letter between two of them is not a typing error."""


class Compared(NamedTuple):
    """The level that one attribute reached, and the value agreed on when its frequency counts."""

    level: str
    value: str | None = None


class ComparedNames(NamedTuple):
    """The levels of the two names, compared as a whole because they may stand swapped."""

    given: Compared
    family: Compared


_NONE = Compared(MISSING)
_CERTAIN = frozenset({EXACT, NICKNAME, "birth_name", "particle"})
_STRONG = frozenset({EXACT, NICKNAME, SAME_SOUND, TYPING_ERROR})
_PLAUSIBLE = _STRONG | {PART, INITIAL}

CommonName = Callable[[str], bool]


def compare_names(a: Features, b: Features, is_common: CommonName) -> ComparedNames:
    """Compare given and family names, straight and crossed.

    `is_common` tells a given name that many people bear: two different common given names are
    two people (Julie, Julien), never a typing error.
    """
    given = compare_given(a.given_name, b.given_name, is_common)
    family = compare_family(a, b)
    if given.level in _CERTAIN or not (a.given_name and b.given_name):
        return ComparedNames(given, family)
    if given.level in _PLAUSIBLE and (family.level in _PLAUSIBLE or family.level in _CERTAIN):
        return ComparedNames(given, family)
    return _compare_crossed(a, b, is_common) or ComparedNames(given, family)


def _compare_crossed(a: Features, b: Features, is_common: CommonName) -> ComparedNames | None:
    """Compare each given name with the other's family names; None when they do not stand swapped."""
    for ours in (a.family_name, a.birth_name):
        for theirs in (b.family_name, b.birth_name):
            if ours and theirs:
                found = _swap(a.given_name, ours, b.given_name, theirs, is_common)
                if found is not None:
                    return found
    return None


def _swap(
    given: tuple[str, ...],
    family: tuple[str, ...],
    other_given: tuple[str, ...],
    other_family: tuple[str, ...],
    is_common: CommonName,
) -> ComparedNames | None:
    one = compare_given(given, other_family, _never)
    two = compare_given(family, other_given, _never)
    if one.level in _PLAUSIBLE and two.level in _PLAUSIBLE and (one.level in _STRONG or two.level in _STRONG):
        # Which of the two is the given name: the one that many bear; else by spelling, so that
        # both orders of the pair give the same answer.
        names = ((given, other_family), (family, other_given))
        rank = [(not any(is_common(facets(n).joined) for n in pair), sorted(pair)) for pair in names]
        if rank[1] < rank[0]:
            one, two = two, one
        return ComparedNames(_as_swapped(one), _as_swapped(two))
    # One record is swapped and shows another family name: birth against married name.
    if one.level in {EXACT, NICKNAME} and not is_common(facets(other_given).joined) and is_common(facets(given).joined):
        return ComparedNames(_as_swapped(one), Compared(DIFFERENT))
    if two.level in {EXACT, NICKNAME} and not is_common(facets(given).joined) and is_common(facets(other_given).joined):
        return ComparedNames(_as_swapped(two), Compared(DIFFERENT))
    return None


def _as_swapped(found: Compared) -> Compared:
    return Compared(SWAPPED, found.value) if found.level == EXACT else found


def _never(_name: str) -> bool:
    return False


def compare_given(a: tuple[str, ...], b: tuple[str, ...], is_common: CommonName) -> Compared:
    """Return the level of two given names: exact, nickname, sound, typing error, part, initial, ..."""
    if not a or not b:
        return _NONE
    one, two = facets(a), facets(b)
    if one.joined == two.joined:
        return Compared(INITIAL) if one.initials else Compared(EXACT, one.joined)
    if one.initials or two.initials:
        return Compared(INITIAL if _initials_agree(one, two) else DIFFERENT)
    if one.roots & two.roots:
        return Compared(NICKNAME)
    if len(a) > 1 or len(b) > 1:
        part = _compare_parts(one, two)
        if part is not None:
            return Compared(part)
    return Compared(_compare_word(one, two, both_common=is_common(one.joined) and is_common(two.joined)))


def _compare_word(one: NameFacets, two: NameFacets, *, both_common: bool) -> str:
    same_sound = one.sound == two.sound
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
    return _closeness(a, b)


def _near_a_root(one: NameFacets, two: NameFacets) -> bool:
    """Tell whether `one` is short for a name that `two` mistypes: `caro`, `caoline`."""
    return len(one.roots) > 1 and any(
        min(len(root), len(two.joined)) > _SHORT and OSA.distance(root, two.joined, score_cutoff=1) <= 1
        for root in one.roots
    )


def _closeness(a: str, b: str) -> str:
    allowed = 2 if min(len(a), len(b)) >= _LONG else 1
    if min(len(a), len(b)) >= _SHORT and OSA.distance(a, b, score_cutoff=allowed) <= allowed:
        return TYPING_ERROR
    if min(len(a), len(b)) < _SHORT:
        return RESEMBLING if OSA.distance(a, b, score_cutoff=1) <= 1 else DIFFERENT
    similarity = JaroWinkler.similarity(a, b)
    if similarity >= _TYPING_ERROR_SIMILARITY:
        return TYPING_ERROR
    return RESEMBLING if similarity >= _RESEMBLING_SIMILARITY else DIFFERENT


def _initials_agree(one: NameFacets, two: NameFacets) -> bool:
    short, long = (one, two) if one.initials else (two, one)
    letters = short.joined
    full = "".join(word[0] for word in long.words)
    return full.startswith(letters) or letters.startswith(full)


def _compare_parts(one: NameFacets, two: NameFacets) -> str | None:
    """Compare a compound given name: a part of it agrees, or a word disagrees beside one that agrees."""
    if one.sound == two.sound:
        return SAME_SOUND
    short, long = (one, two) if len(one.words) <= len(two.words) else (two, one)
    left = list(long.words)
    matched = 0
    for word in short.words:
        hit = next((other for other in left if _same_word(word, other)), None)
        if hit is not None:
            left.remove(hit)
            matched += 1
    if matched == len(short.words):
        return PART if left else TYPING_ERROR
    if matched and len(short.words) > 1:
        return DIFFERENT if len(left) == 1 and len(short.words) == len(long.words) else None
    return None


def _same_word(a: str, b: str) -> bool:
    if a == b or (1 in (len(a), len(b)) and a[0] == b[0]):
        return True
    return min(len(a), len(b)) >= _SHORTEST_TRUNCATION and OSA.distance(a, b, score_cutoff=1) <= 1


def compare_family(a: Features, b: Features) -> Compared:
    """Return the level of the family names, birth names included: the best of all pairings."""
    if not a.family_name or not b.family_name:
        return _NONE
    straight = _compare_surnames(facets(a.family_name), facets(b.family_name))
    if straight.level == EXACT or not (a.birth_name or b.birth_name):
        return straight
    for x in (a.family_name, a.birth_name):
        for y in (b.family_name, b.birth_name):
            if x and y and (x is not a.family_name or y is not b.family_name):
                crossed = _compare_surnames(facets(x), facets(y))
                if crossed.level in {EXACT, "particle"}:
                    return Compared("birth_name", crossed.value)
                if straight.level == DIFFERENT and crossed.level != DIFFERENT:
                    straight = crossed
    return straight


def _compare_surnames(one: NameFacets, two: NameFacets) -> Compared:
    if one.joined == two.joined:
        return Compared(INITIAL) if one.initials else Compared(EXACT, one.core_joined)
    if one.core_joined == two.core_joined:
        return Compared("particle", one.core_joined)
    if one.initials or two.initials:
        return Compared(INITIAL if _initials_agree(one, two) else DIFFERENT)
    if len(one.core) > 1 or len(two.core) > 1:
        common = [word for word in one.core if word in two.core and len(word) > 1]
        if common:
            return Compared(PART, min(common, key=lambda word: (-len(word), word)))
        if any(_same_word(x, y) for x in one.core for y in two.core if min(len(x), len(y)) > _SHORT):
            return Compared(TYPING_ERROR)
    if one.sound == two.sound:
        return Compared(SAME_SOUND)
    return Compared(_closeness(one.joined, two.joined))


def compare_birth_dates(a: Features, b: Features) -> str:
    """Return the level of the birth dates; a first of January says little more than its year."""
    x, y = a.birth_date, b.birth_date
    if x is None or y is None:
        return MISSING
    if a.birth_date_is_vague or b.birth_date_is_vague:
        if x[:4] != y[:4]:
            return "vague"
        return "first_of_january" if x == y else "same_year"
    if x == y:
        return EXACT
    (year, month, day), (other_year, other_month, other_day) = x.split("-"), y.split("-")
    if year == other_year and (month, day) == (other_day, other_month):
        return SWAPPED
    wrong = (year != other_year) + (month != other_month) + (day != other_day)
    return "one_part_different" if wrong == 1 else DIFFERENT


def compare_emails(a: Features, b: Features, shared: Container[tuple[str, str]]) -> str:
    """Return the level of the e-mails. Likeness is no evidence: `jean.dupont@` is not `jean.dupond@`."""
    if not a.emails or not b.emails:
        return MISSING
    common = [email for email in a.emails if email in b.emails]
    if common:
        return SHARED if all((EMAIL, email) in shared for email in common) else EXACT
    level = DIFFERENT
    for x in a.emails:
        for y in b.emails:
            found = _compare_email(x, y)
            if found == "domain_typing_error":
                return found
            level = found if found == RESEMBLING else level
    return level


_SHORTEST_LOCAL = 5


def _compare_email(x: str, y: str) -> str:
    local, _, domain = x.rpartition("@")
    other_local, _, other_domain = y.rpartition("@")
    if local == other_local:
        known = domain in _MAIL_PROVIDERS and other_domain in _MAIL_PROVIDERS
        near = OSA.distance(domain, other_domain, score_cutoff=2) <= 2
        return "domain_typing_error" if near and not known and len(local) >= _SHORTEST_LOCAL else RESEMBLING
    if OSA.distance(x, y, score_cutoff=2) <= 2:
        return RESEMBLING
    return DIFFERENT


def compare_phones(a: Features, b: Features, shared: Container[tuple[str, str]]) -> str:
    """Return the level of the phones: a mobile, a landline, one digit wrong, or different."""
    if not a.phones or not b.phones:
        return MISSING
    common = [phone for phone in a.phones if phone in b.phones]
    if common:
        own = [phone for phone in common if (PHONE, phone) not in shared]
        if not own:
            return SHARED
        return "landline" if all(map(is_landline, own)) else EXACT
    near = any(_one_error(x, y) for x in a.phones for y in b.phones)
    return TYPING_ERROR if near else DIFFERENT


def compare_cards(a: Features, b: Features, shared: Container[tuple[str, str]]) -> str:
    """Return the level of the cards; a number that fails its check digit may be a typing error of another."""
    if not (a.cards or a.suspicious_cards) or not (b.cards or b.suspicious_cards):
        return MISSING
    common = [card for card in a.cards if card in b.cards]
    if common:
        return SHARED if all((CARD, card) in shared for card in common) else EXACT
    if any(card in b.suspicious_cards for card in a.suspicious_cards):
        return "suspicious"
    for x in a.cards + a.suspicious_cards:
        for y in b.cards + b.suspicious_cards:
            if CardCheck.VALID not in (check_card(x), check_card(y)) or x in a.suspicious_cards or y in b.suspicious_cards:
                if _one_error(x, y):
                    return TYPING_ERROR
    return DIFFERENT


def compare_identifiers(
    a: Features, b: Features, shared: Container[tuple[str, str]], single_valued: Container[str]
) -> list[tuple[str, str]]:
    """Return `(kind, level)` for every kind of other identifier that both sides hold."""
    if not a.others or not b.others:
        return []
    found = []
    for kind in sorted({kind for kind, _ in a.others} & {kind for kind, _ in b.others}):
        ours = [value for k, value in a.others if k == kind]
        theirs = [value for k, value in b.others if k == kind]
        common = [value for value in ours if value in theirs]
        if common:
            found.append((kind, SHARED if all((kind, v) in shared for v in common) else EXACT))
        elif kind in single_valued:
            near = any(_one_error(x, y) for x in ours for y in theirs)
            found.append((kind, TYPING_ERROR if near else DIFFERENT))
    return found


def _one_error(x: str, y: str) -> bool:
    return abs(len(x) - len(y)) <= 1 and OSA.distance(x, y, score_cutoff=1) <= 1


_ADDRESS_ORDER = {level: i for i, level in enumerate((EXACT, "street", RESEMBLING, "other_number", DIFFERENT, MISSING))}
_PLACE_ORDER = {level: i for i, level in enumerate((EXACT, "postcode", TYPING_ERROR, "city", DIFFERENT, MISSING))}


def compare_addresses(a: Features, b: Features) -> tuple[str, Compared]:
    """Return the level of the dwelling and that of the place: the best over all addresses."""
    if not a.addresses or not b.addresses:
        return MISSING, _NONE
    dwelling, place = MISSING, _NONE
    for x in a.addresses:
        for y in b.addresses:
            found_place = _compare_place(x, y)
            found = _compare_dwelling(x, y, found_place.level)
            if _ADDRESS_ORDER[found] < _ADDRESS_ORDER[dwelling]:
                dwelling = found
            if _PLACE_ORDER[found_place.level] < _PLACE_ORDER[place.level]:
                place = found_place
    return dwelling, place


def _compare_place(x: Address, y: Address) -> Compared:
    same_city = bool(x.city) and bool(y.city) and (x.city == y.city or _closeness(x.city, y.city) == TYPING_ERROR)
    if x.postcode and y.postcode:
        if x.postcode == y.postcode:
            return Compared(EXACT if same_city or not (x.city and y.city) else "postcode")
        if same_city:
            if _one_error(x.postcode, y.postcode):
                return Compared(TYPING_ERROR)
            if x.postcode[:2] == y.postcode[:2]:
                return Compared("city", min(x.city, y.city))
        return Compared(DIFFERENT)
    if x.city and y.city:
        return Compared("city", min(x.city, y.city)) if same_city else Compared(DIFFERENT)
    return _NONE


_STREET_SIMILARITY = 0.82


def _compare_dwelling(x: Address, y: Address, place: str) -> str:
    if not x.street or not y.street:
        return MISSING
    if place == DIFFERENT:
        return DIFFERENT
    if not _same_street(x.street, y.street):
        return DIFFERENT
    if x.number == y.number:
        return EXACT if x.number else "street"
    return "other_number" if x.number and y.number else "street"


def _same_street(x: str, y: str) -> bool:
    if x == y:
        return True
    x, y = x.replace(" ", ""), y.replace(" ", "")
    return OSA.normalized_similarity(x, y, score_cutoff=_STREET_SIMILARITY) > 0
