"""An address in one cell, taken apart: `12 Main St, Springfield, IL 62704`."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from rcu.identity.normalise.addresses import normalise_address
from rcu.identity.normalise.text import ascii_lower

_SEPARATORS: Final = re.compile(r"[,;\n]+")
_LETTERED_POSTCODE: Final = re.compile(
    r"\b(?:[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d|\d{4} ?[A-Z]{2})\b",
    re.IGNORECASE,
)
"""Of Britain, Canada and the Netherlands: nothing else in an address looks like them."""
_NUMERIC_POSTCODE: Final = re.compile(
    r"(?<![\w/-])(?:[A-Z]{1,2}-)?"
    r"(?:\d{5}-\d{4}|\d{5}-\d{3}|\d{4}-\d{3}|\d{3}-\d{4}|\d{2}-\d{3}|\d{4,6})(?![\w/-])"
)
_COUNTRY_PREFIX: Final = re.compile(r"^[A-Z]{1,2}-")
"""As in `CH-8001`."""
_LONGEST_HOUSE_NUMBER: Final = 4
_STATES: Final = frozenset(
    """
    AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY
    NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC PR NSW VIC QLD SA TAS NT ACT ON QC BC
    AB MB SK NS NB NL PE SP RJ MG RS BA
    """.split()  # noqa: SIM905 - a block of words reads better than a quoted list
)
"""Of the United States, Australia, Canada and Brazil, as they stand behind a city."""
_COUNTRIES: Final = {
    name: code
    for code, names in {
        "AT": "austria osterreich oesterreich autriche",
        "AU": "australia",
        "BE": "belgium belgique belgie",
        "CA": "canada",
        "CH": "switzerland suisse schweiz",
        "DE": "germany deutschland allemagne",
        "ES": "spain espana espagne",
        "FR": "france",
        "GB": "uk gb england scotland wales",
        "IT": "italy italia italie",
        "NL": "netherlands nederland",
        "US": "usa us",
    }.items()
    for name in names.split()
}


class FullAddress(NamedTuple):
    """The parts of an address as they were written; None for what is not there."""

    lines: list[str] | None
    postcode: str | None
    city: str | None
    country: str | None


def split_full_address(text: str) -> FullAddress:
    """Take an address apart by its postcode, else by its commas or lines.

    The city stands behind the postcode, or before it in its part, or in the part before that. A
    number is a postcode where no house number can be: behind the first part, or before a name at
    the end. Without postcode the last of several parts is the city, unless it holds a number, a
    flat or a building. What is in doubt stays in the lines.
    """
    parts = [part.strip() for part in _SEPARATORS.split(text) if part.strip()]
    country = _COUNTRIES.get(ascii_lower(parts[-1]).replace(".", "")) if len(parts) > 1 else None
    if country is not None:
        parts.pop()
    found = _find_postcode(parts)
    if found is None:
        return _made(*_without_postcode(parts), None, country)
    place, start, end = found
    part = parts[place]
    before, after = part[:start].strip(" -"), part[end:].strip(" -")
    lines, postcode = parts[:place], _COUNTRY_PREFIX.sub("", part[start:end].strip())
    if after:
        return _made([*lines, before, *parts[place + 1 :]], after, postcode, country)
    before = _without_state(before)
    if place == 0:  # street and city are not told apart: `12 Main St Springfield 62704`
        return _made([before], " ".join(parts[1:]), postcode, country)
    if before:
        return _made(lines, before, postcode, country)
    street, city = _without_postcode(lines)
    return _made(street, city or " ".join(parts[place + 1 :]), postcode, country)


def _find_postcode(parts: list[str]) -> tuple[int, int, int] | None:
    """Return the part that holds the postcode, and from where to where; the last one found."""
    for place in reversed(range(len(parts))):
        part = parts[place]
        for form in (_LETTERED_POSTCODE, _NUMERIC_POSTCODE):
            for found in reversed(list(form.finditer(part))):
                if _is_postcode(found, part, place):
                    return place, *found.span()
    return None


def _is_postcode(found: re.Match[str], part: str, place: int) -> bool:
    """Tell a postcode from a house number, by where it stands."""
    start, end = found.span()
    if found.re is _LETTERED_POSTCODE:
        return True
    if place > 0:  # before a name, or at the end of its part
        return (start == 0 and end < len(part)) or (
            end == len(part) and not _has_digit(part[:start])
        )
    return start > 0 and sum(map(str.isdigit, found[0])) > _LONGEST_HOUSE_NUMBER


def _without_postcode(parts: list[str]) -> tuple[list[str], str | None]:
    """Return the lines and the city of an address without postcode."""
    while len(parts) > 1 and parts[-1] in _STATES:
        parts = parts[:-1]
    if len(parts) > 1 and not _has_digit(parts[-1]) and normalise_address((parts[-1],), None, None):
        return parts[:-1], _without_state(parts[-1])
    return parts, None


def _without_state(text: str) -> str:
    """Return a text without the state at its end: `Springfield IL`."""
    city, _, last = text.rpartition(" ")
    return city.strip(" -") if last in _STATES else text


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _made(
    lines: list[str], city: str | None, postcode: str | None, country: str | None
) -> FullAddress:
    line = ", ".join(filter(None, lines))
    return FullAddress([line] if line else None, postcode, city or None, country)
