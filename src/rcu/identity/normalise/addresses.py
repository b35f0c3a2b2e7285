"""Postal addresses made comparable: house number, street, postcode, city."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from rcu.identity.normalise.text import ascii_lower, words


def _by_writing(block: str) -> dict[str, str]:
    """Return the full word of each of its writings; a line of the block reads `word: writings`."""
    found = {}
    for line in block.strip().splitlines():
        word, _, writings = line.strip().partition(": ")
        found.update(dict.fromkeys(writings.split(), word))
    return found


_STREET_TYPES = _by_writing(
    """
    allee: allee all allees
    avenue: av ave aven avenue
    boulevard: bd boul boulevard bld blvd bvd
    chemin: ch che chem chemin
    cite: cite
    cours: cours crs
    domaine: domaine
    esplanade: esplanade espl
    faubourg: faubourg fbg fg
    hameau: hameau ham
    impasse: imp impasse
    lotissement: lotissement lot
    montee: montee mte
    passage: passage pass pas
    place: pl place
    promenade: prom promenade
    quai: quai qu
    quartier: quartier quart
    rond: rond rpt
    route: rte route
    rue: r rue
    ruelle: ruelle
    sente: sente
    sentier: sentier
    square: sq square
    traverse: traverse tra
    venelle: venelle
    villa: villa
    voie: voie
    """
)
_EXPANSIONS = _by_writing(
    """
    abbe: abbe
    capitaine: cap cne
    circuit: cct
    colonel: col
    commandant: cdt
    court: crt ct
    crescent: cres
    docteur: dr doct
    general: gal gen
    grand: gd
    grande: gde
    ingenieur: ing
    lane: ln
    lieutenant: lt
    marechal: mal
    notredame: nd
    petit: pt
    petite: pte
    president: pdt
    professeur: pr prof
    road: rd
    saint: st
    sainte: ste
    terrace: tce
    """
)
_LAST_WORDS = {"st": "street", "str": "street", "ave": "avenue", "av": "avenue", "dr": "drive"}
"""What stands for a kind of street when it comes last, as in English."""
_KINDS_BEHIND = {"blvd": "boulevard", "sq": "square", "pl": "place", "pkwy": "parkway"} | {
    "cir": "circle", "hwy": "highway", "ter": "terrace", "ctr": "center", "trl": "trail"
}  # fmt: skip
_COMPASS = frozenset("n s e w ne nw se sw north south east west".split())  # noqa: SIM905
_NAME_AND_KIND = 2
_GERMAN_STREET = re.compile(r"(?<=\w)str(?:asse)?\b")
_HOUSE_NUMBER = re.compile(r"\d{1,4}[a-z]?")
_LONGEST_UNIT = 4
_SMALL_WORDS = frozenset("de du des d la le les l et a au aux en sur the of".split())  # noqa: SIM905
_UNIT_WORDS = (
    "appartement|appart|appt|apt|app|escalier|esc|batiment|bat|bt|bldg|etage|etg|porte|pte"
    "|entree|ent|hall|tour|bloc|unit|flat|suite|boite|bp|cs|studio|lgt|logement|interphone|niveau"
)
_UNIT = re.compile(
    rf"\b(?:(?:\d+(?:er|e|eme)\s+etage)"
    rf"|(?:{_UNIT_WORDS})\b[\s.:n°]*(?:\d+\w{{0,2}}|[a-z]\d*)?\b)"
)
_RESIDENCE = re.compile(
    r"\b(?:residence|resid|res|rce|immeuble|imm|chez|c/o|centre commercial|za|zi|zac)\b.*"
)
_NUMBER = re.compile(r"\d+")
_REPEAT = frozenset({"bis", "ter", "quater", "b", "t", "c", "d"})
_CITY_WORDS = {"st": "saint", "ste": "sainte", "s": "sur", "ss": "sous"}
_WITH_ROUTES = frozenset({"US", "USA"})
_BETWEEN_PARTS = re.compile(r"[,;\n]")
_COUNTY = re.compile(r"^(?:co\.?|county) (?=\w)|(?<=\w) county$")
"""Of an Irish or American county, which stands for the place of those who live outside a town."""
_CEDEX = re.compile(r"\bcedex\b.*")
_ARRONDISSEMENT = re.compile(r"\b\d+\s*(?:er|e|eme|ere)?(?:\s+arr\w*)?$")
_COUNTRY_PREFIX = re.compile(r"[a-z]{1,2}-(?=\d{4,5}$)")
"""As in `D-10115`."""
_POSTCODE_JUNK = re.compile(r"[^a-z0-9]")
_FRENCH_POSTCODE = 5
_ZIP, _ZIP_AND_ROUTE = 5, 9
_NO_PLACE = frozenset(
    "aucun inconnu inconnue na nan nc neant none null unbekannt unknown x xx xxx".split()  # noqa: SIM905
)
"""What is written for want of a street or a city."""
_FILLER_POSTCODES = frozenset({"00000", "99999", "12345"})


class Address(NamedTuple):
    """One normalised address; an empty string means absent."""

    number: str
    """House number, without `bis` and the like."""
    street: str
    """Street type and name without small words: `rue fontaine`."""
    postcode: str
    city: str
    """City, run together: `saintdenis`."""


@lru_cache(maxsize=32768)
def normalise_address(
    lines: tuple[str, ...],
    postcode: str | None,
    city: str | None,
    country: str | None = None,
    *,
    region: str = "FR",
) -> Address | None:
    """Return the comparable address, or None when nothing of it is usable."""
    text = " , ".join(line for line in lines if line)
    number, street = _street(text, french=_is_french(country or region))
    found = Address(
        number,
        street,
        normalise_postcode(postcode, country=country or region),
        normalise_city(city),
    )
    return found if any(found) else None


@lru_cache(maxsize=65536)
def normalise_postcode(text: str | None, *, country: str = "FR") -> str:
    """Return the postcode without spaces, with the zero that spreadsheets drop (France).

    Without the country before it (`D-10115`), and without the delivery route of the United States
    (`62704-1234`), which the same dwelling has or has not.
    """
    if not text:
        return ""
    code = _POSTCODE_JUNK.sub("", _COUNTRY_PREFIX.sub("", ascii_lower(text)))
    if country.upper() in _WITH_ROUTES and code.isdigit() and len(code) == _ZIP_AND_ROUTE:
        code = code[:_ZIP]
    if _is_french(country) and code.isdigit():
        code = code.zfill(_FRENCH_POSTCODE) if len(code) == _FRENCH_POSTCODE - 1 else code
    return "" if code in _FILLER_POSTCODES or code in _NO_PLACE else code


def _is_french(country: str) -> bool:
    return country.upper() in {"FR", "FRA", "FRANCE"}


@lru_cache(maxsize=65536)
def normalise_city(text: str | None) -> str:
    """Return the city run together, `St` written out, without CEDEX, arrondissement and county."""
    if not text:
        return ""
    plain = _COUNTY.sub("", _CEDEX.sub("", ascii_lower(text)).strip())
    plain = _ARRONDISSEMENT.sub("", plain).strip() or plain
    found = words(plain)
    if found and found[-1] in {"st", "ste"}:
        found = found[-1:] + found[:-1]
    city = "".join(_CITY_WORDS.get(word, word) for word in found)
    return "" if city in _NO_PLACE else city


def _street(text: str, *, french: bool) -> tuple[str, str]:
    """Return house number and street of the free lines, building and flat left out.

    In France the number leads; elsewhere it may follow: `Hauptstraße 15`, `rue de la Gare 5`. The
    kind of the street stands before its name there, or behind it: `1600 Pennsylvania Ave NW`.
    """
    plain = _UNIT.sub(" ", ascii_lower(text))
    segments = [words(_RESIDENCE.sub("", part)) for part in _BETWEEN_PARTS.split(plain)]
    if not french:
        segments = _from_the_number(segments)
    tokens = [word for part in segments for word in part]
    if not tokens or "".join(tokens) in _NO_PLACE:
        return "", ""
    start = next((i for i, word in enumerate(tokens[:-1]) if word in _STREET_TYPES), None)
    if start is None or (not french and _kind_is_behind(tokens[:start])):
        return _untyped(tokens, french=french)
    number = next((w for w in reversed(tokens[:start]) if _NUMBER.match(w)), "")
    if not number and not french:
        number, tokens = _trailing_number(tokens)
    digits = _NUMBER.match(number)
    name = [_EXPANSIONS.get(w, w) for w in tokens[start + 1 :] if w not in _SMALL_WORDS]
    street = " ".join([_STREET_TYPES[tokens[start]], *name])
    return (digits[0].lstrip("0") if digits else ""), street


def _from_the_number(segments: list[list[str]]) -> list[list[str]]:
    """Return the parts of an address from its house number on: before it stands a building."""
    place = next((i for i, part in enumerate(segments) if any(map(_NUMBER.match, part))), 0)
    leads = len(segments[place]) > 1 and _NUMBER.match(segments[place][0])
    return segments[place:] if leads else segments


def _kind_is_behind(before: list[str]) -> bool:
    """Tell whether a name stands between the house number and the kind of the street."""
    place = next((i for i in reversed(range(len(before))) if _NUMBER.match(before[i])), None)
    return place is not None and not _REPEAT.issuperset(before[place + 1 :])


def _untyped(tokens: list[str], *, french: bool) -> tuple[str, str]:
    """Return number and street where no kind of street leads: `7 wallaby place`, a hamlet."""
    digits = _NUMBER.match(tokens[0])
    rest = tokens[1:] if digits else tokens
    if digits and rest and rest[0] in _REPEAT and len(rest) > 1:
        rest = rest[1:]
    if not digits:
        number, rest = _trailing_number(rest)
        digits = _NUMBER.match(number)
    street = _GERMAN_STREET.sub("strasse", _named(rest) if french else _named_abroad(rest))
    return (digits[0].lstrip("0") if digits else ""), street


def _named(rest: list[str]) -> str:
    name = [_EXPANSIONS.get(w, w) for w in rest[:-1] if w not in _SMALL_WORDS]
    return " ".join(name + [_LAST_WORDS.get(w) or _EXPANSIONS.get(w, w) for w in rest[-1:]])


def _named_abroad(rest: list[str]) -> str:
    """Return the name of a street whose kind comes last, but for a point of the compass."""
    head, tail = rest, ""
    if len(rest) > _NAME_AND_KIND and rest[-1] in _COMPASS:
        head, tail = rest[:-1], rest[-1]
    head = [*head[:-1], *(_KINDS_BEHIND.get(word, word) for word in head[-1:])]
    return f"{_named(head)} {tail}".strip()


def _trailing_number(tokens: list[str]) -> tuple[str, list[str]]:
    """Return the house number behind the name, and the name: `hauptstrasse 15`, `sol 24 2ob`."""
    for i, word in enumerate(tokens[1:], start=1):
        if _HOUSE_NUMBER.fullmatch(word) and all(len(w) <= _LONGEST_UNIT for w in tokens[i + 1 :]):
            return word, tokens[:i]
    return "", tokens
