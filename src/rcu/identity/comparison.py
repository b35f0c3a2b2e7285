"""Two records compared, attribute by attribute: which level each reaches."""

from __future__ import annotations

from collections.abc import Container, Iterable
from datetime import date, timedelta

from rapidfuzz.distance import OSA

from rcu.identity.features import CARD, EMAIL, PHONE, Features
from rcu.identity.levels import (
    DIFFERENT,
    EXACT,
    MISSING,
    MISSING_VALUE,
    NEAR_DAYS,
    NEAR_YEAR,
    ONE_DIGIT_DIFFERENT,
    ONE_PART_DIFFERENT,
    RESEMBLING,
    SHARED,
    SWAPPED,
    TWO_SLIPS,
    TYPING_ERROR,
    Compared,
    level_only,
)
from rcu.identity.name_comparison import closeness
from rcu.identity.normalise.addresses import Address
from rcu.identity.normalise.cards import CardCheck, check_card
from rcu.identity.normalise.other_identifiers import number_spelled
from rcu.identity.normalise.phones import is_landline

_MAIL_PROVIDERS = frozenset(
    """
    aliceadsl.fr aol.com aol.fr bbox.fr free.fr gmail.com gmx.com gmx.fr gmx.net hotmail.be
    hotmail.co.uk hotmail.com hotmail.es hotmail.fr hotmail.it icloud.com laposte.net live.be
    live.com live.fr mac.com me.com msn.com neuf.fr numericable.fr orange.com orange.fr
    outlook.com outlook.fr outlook.es pm.me proton.me protonmail.com sfr.fr sfr.net wanadoo.fr
    yahoo.ca yahoo.co.uk yahoo.com yahoo.es yahoo.fr yahoo.it ymail.com
    """.split()  # noqa: SIM905 - a block of words reads better than a quoted list
)
"""Domains that exist: one letter between two of them is not a typing error."""


def compare_birth_dates(a: Features, b: Features) -> str:
    """Return the level of the birth dates; a first of January says little more than its year."""
    return compare_days(
        a.birth_date,
        b.birth_date,
        one_is_vague=a.birth_date_is_vague or b.birth_date_is_vague,
    )


def compare_days(x: str | None, y: str | None, *, one_is_vague: bool) -> str:
    """Return the level of two birth dates as `yyyy-mm-dd`; vague is a first of January.

    Where nothing but the year is known on either side, years that no slip makes of each other part
    two people: in a register that gives years only, they are all that parts those of one name.
    """
    if x is None or y is None:
        return MISSING
    if one_is_vague:
        if x[:4] != y[:4]:
            return _compare_years(x, y)
        return "first_of_january" if x == y else "same_year"
    return EXACT if x == y else _compare_different_days(x, y)


_YEARS_MISTAKEN = frozenset({1, 10, 100})
_YEARS_MISCOUNTED = 2
_A_MONTH = timedelta(days=31)
_MONTHS_TOUCHED = 2
"""From the end of January to the beginning of March it is a month."""
_YEARS_APART = _YEARS_MISTAKEN | {0}
_FIRST_DAY = "-01-01"
_DAY_ZERO = "1970-01-01"
"""What computers make of a date that was never entered."""


def _compare_years(x: str, y: str) -> str:
    """Return the level of two different years of birth, one of which is all that is known."""
    if not (x.endswith(_FIRST_DAY) and y.endswith(_FIRST_DAY)) or _DAY_ZERO in {x, y}:
        return "vague"
    year, other = x[:4], y[:4]
    apart = abs(int(year) - int(other))
    if apart <= _YEARS_MISCOUNTED:
        return NEAR_YEAR
    return "vague" if _one_error(year, other) or apart in _YEARS_MISTAKEN else DIFFERENT


def _compare_different_days(x: str, y: str) -> str:
    """Return the level of two different birth dates.

    A day or a month is mistaken for any other; a year by a digit, or by one, a decade, a century.
    A birthday of another year is mostly somebody else's, for one in 365 has it: it says nothing.
    Two people of one home are never born within a month of each other, but for twins, on one day,
    and spouses by chance.
    """
    year, month, day = x[:4], x[5:7], x[8:]
    other_year, other_month, other_day = y[:4], y[5:7], y[8:]
    if year == other_year and (month, day) == (other_day, other_month):
        return SWAPPED
    wrong = (year != other_year) + (month != other_month) + (day != other_day)
    if wrong != 1:
        return _compare_distant_days(x, y)
    if _one_error(x, y):
        return ONE_DIGIT_DIFFERENT
    if year != other_year and abs(int(year) - int(other_year)) not in _YEARS_MISTAKEN:
        return RESEMBLING
    return ONE_PART_DIFFERENT


def _compare_distant_days(x: str, y: str) -> str:
    """Return the level of two birth dates that differ in more than one part."""
    early, late = (x, y) if x < y else (y, x)
    months = 12 * (int(late[:4]) - int(early[:4])) + int(late[5:7]) - int(early[5:7])
    years = round(months / 12)
    if abs(months - 12 * years) > _MONTHS_TOUCHED or years not in _YEARS_APART:
        return DIFFERENT
    try:
        born = date.fromisoformat(early)
        apart = date.fromisoformat(late) - _years_later(born, years)
    except ValueError:  # a day that no calendar has
        return DIFFERENT
    if abs(apart) > _A_MONTH:
        return DIFFERENT
    return TWO_SLIPS if years else NEAR_DAYS


def _years_later(day: date, years: int) -> date:
    """Return the same day of another year, the first of March for a 29 February it has not."""
    every = min(day.day, 28)
    return date(day.year + years, day.month, every) + timedelta(days=day.day - every)


def compare_emails(a: Features, b: Features, shared: Container[tuple[str, str]]) -> str:
    """Return the level of the e-mails.

    Likeness is no evidence: `jean.dupont@` is not `jean.dupond@`.
    """
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
        near = _within_two_errors(domain, other_domain)
        mistyped = near and not known and len(local) >= _SHORTEST_LOCAL
        return "domain_typing_error" if mistyped else RESEMBLING
    if _within_two_errors(x, y):
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
    level = MISSING
    for x in a.phones:
        for y in b.phones:
            if _one_error(x, y):
                return TYPING_ERROR
            # A landline here and a mobile there: a person has both, and neither was compared.
            if is_landline(x) == is_landline(y):
                level = DIFFERENT
    return level


def compare_cards(a: Features, b: Features, shared: Container[tuple[str, str]]) -> str:
    """Return the level of the cards.

    A number that fails its check digit may be a typing error of another; two numbers that
    pass it are two cards, however near.
    """
    if not (a.cards or a.suspicious_cards) or not (b.cards or b.suspicious_cards):
        return MISSING
    common = [card for card in a.cards if card in b.cards]
    if common:
        return SHARED if all((CARD, card) in shared for card in common) else EXACT
    if any(card in b.suspicious_cards for card in a.suspicious_cards):
        return "suspicious"
    near = any(
        CardCheck.VALID not in checks or CardCheck.SUSPICIOUS in checks
        for x in a.cards + a.suspicious_cards
        for y in b.cards + b.suspicious_cards
        if _one_error(x, y)
        for checks in ((check_card(x), check_card(y)),)
    )
    return TYPING_ERROR if near else DIFFERENT


def compare_identifiers(
    a: Features, b: Features, shared: Container[tuple[str, str]], single_valued: Container[str]
) -> list[tuple[str, str]]:
    """Return `(kind, level)` for every kind of other identifier that both sides hold.

    Two values differ only of a kind of which a person has one, `single_valued`. One number may be
    written in several ways (see `number_spelled`).
    """
    if not a.others or not b.others:
        return []
    found = []
    for kind in sorted({kind for kind, _ in a.others} & {kind for kind, _ in b.others}):
        ours = [value for k, value in a.others if k == kind]
        theirs = [value for k, value in b.others if k == kind]
        common = [value for value in ours if value in theirs]
        if common:
            found.append((kind, SHARED if all((kind, v) in shared for v in common) else EXACT))
        elif (level := compare_numbers(ours, theirs)) == EXACT or kind in single_valued:
            found.append((kind, level))
    return found


def compare_numbers(ours: Iterable[str], theirs: Iterable[str]) -> str:
    """Return the level of numbers of one kind, of which a person has one: the best of all pairs."""
    pairs = [(number_spelled(x), number_spelled(y)) for x in ours for y in theirs]
    if any(x == y for x, y in pairs):
        return EXACT
    return TYPING_ERROR if any(_one_error(x, y) for x, y in pairs) else DIFFERENT


def _within_two_errors(x: str, y: str) -> bool:
    return OSA.distance(x, y, score_cutoff=2) <= 2  # noqa: PLR2004 - as its name says


def _one_error(x: str, y: str) -> bool:
    return abs(len(x) - len(y)) <= 1 and OSA.distance(x, y, score_cutoff=1) <= 1


_ADDRESS_ORDER = {
    level: i
    for i, level in enumerate((EXACT, "street", RESEMBLING, "other_number", DIFFERENT, MISSING))
}
_PLACE_ORDER = {
    level: i
    for i, level in enumerate((EXACT, "postcode", TYPING_ERROR, "city", DIFFERENT, MISSING))
}


def compare_addresses(a: Features, b: Features) -> tuple[str, Compared]:
    """Return the level of the dwelling and that of the place: the best over all addresses."""
    if not a.addresses or not b.addresses:
        return MISSING, MISSING_VALUE
    if len(a.addresses) == 1 == len(b.addresses):
        place = _compare_place(a.addresses[0], b.addresses[0])
        return _compare_dwelling(a.addresses[0], b.addresses[0], place.level), place
    dwelling, place = MISSING, MISSING_VALUE
    for x in a.addresses:
        for y in b.addresses:
            found_place = _compare_place(x, y)
            found = _compare_dwelling(x, y, found_place.level)
            if _ADDRESS_ORDER[found] < _ADDRESS_ORDER[dwelling]:
                dwelling = found
            place = min(place, found_place, key=_place_rank)
    return dwelling, place


def _place_rank(found: Compared) -> tuple[int, str]:
    return _PLACE_ORDER[found.level], found.value or ""


def _compare_place(x: Address, y: Address) -> Compared:
    if x.postcode and y.postcode:
        if x.postcode == y.postcode or _are_one_code(x.postcode, y.postcode):
            agree = not (x.city and y.city) or _are_one_city(x.city, y.city)
            return level_only(EXACT if agree else "postcode")
        if x.city and y.city:
            return _compare_other_postcode(x, y)
        return level_only(DIFFERENT)
    if x.city and y.city:
        return _city(x, y) if _are_one_city(x.city, y.city) else level_only(DIFFERENT)
    return MISSING_VALUE


def _compare_other_postcode(x: Address, y: Address) -> Compared:
    """Compare two cities of which the postcodes differ: codes soon tell that it is not one."""
    is_near = x.postcode[:2] == y.postcode[:2]
    is_mistyped = _one_error(x.postcode, y.postcode)
    if (is_near or is_mistyped) and _are_one_city(x.city, y.city):
        return level_only(TYPING_ERROR) if is_mistyped else _city(x, y)
    return level_only(DIFFERENT)


def _are_one_city(x: str, y: str) -> bool:
    return x == y or closeness(x, y) == TYPING_ERROR


def _city(x: Address, y: Address) -> Compared:
    return Compared("city", min(x.city, y.city))


def _are_one_code(x: str, y: str) -> bool:
    """Tell whether two postcodes are one but for the zeros that a spreadsheet drops."""
    return x.isdigit() and y.isdigit() and x.lstrip("0") == y.lstrip("0")


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
