"""Postal addresses made comparable: house number, street, postcode, city."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from rcu.identity.normalise.text import ascii_lower, words

_STREET_TYPES = {
    "allee": "allee", "all": "allee", "allees": "allee", "av": "avenue", "ave": "avenue", "aven": "avenue", "avenue": "avenue",
    "bd": "boulevard", "boul": "boulevard", "boulevard": "boulevard", "bld": "boulevard", "blvd": "boulevard", "bvd": "boulevard",
    "ch": "chemin", "che": "chemin", "chem": "chemin", "chemin": "chemin", "cite": "cite", "cours": "cours", "crs": "cours",
    "domaine": "domaine", "esplanade": "esplanade", "espl": "esplanade", "faubourg": "faubourg", "fbg": "faubourg", "fg": "faubourg",
    "hameau": "hameau", "ham": "hameau", "imp": "impasse", "impasse": "impasse", "lotissement": "lotissement", "lot": "lotissement",
    "montee": "montee", "mte": "montee", "passage": "passage", "pass": "passage", "pas": "passage", "pl": "place", "place": "place",
    "prom": "promenade", "promenade": "promenade", "quai": "quai", "qu": "quai", "quartier": "quartier", "quart": "quartier", "r": "rue", "rue": "rue",
    "rte": "route", "route": "route", "rond": "rond", "rpt": "rond", "sentier": "sentier", "sente": "sente", "sq": "square", "square": "square",
    "traverse": "traverse", "tra": "traverse", "ruelle": "ruelle", "villa": "villa", "voie": "voie", "venelle": "venelle",
}  # fmt: skip
_EXPANSIONS = {
    "st": "saint", "ste": "sainte", "mal": "marechal", "gal": "general", "gen": "general", "dr": "docteur", "doct": "docteur",
    "pdt": "president", "cdt": "commandant", "col": "colonel", "cap": "capitaine", "cne": "capitaine", "lt": "lieutenant",
    "pr": "professeur", "prof": "professeur", "abbe": "abbe", "ing": "ingenieur", "nd": "notredame", "gd": "grand", "gde": "grande",
    "pt": "petit", "pte": "petite", "rd": "road", "cres": "crescent", "crt": "court", "ct": "court", "cct": "circuit", "ln": "lane", "tce": "terrace",
}  # fmt: skip
_SMALL_WORDS = frozenset({"de", "du", "des", "d", "la", "le", "les", "l", "et", "a", "au", "aux", "en", "sur", "the", "of"})
_UNIT_WORDS = (
    "appartement|appart|appt|apt|app|escalier|esc|batiment|bat|bt|bldg|etage|etg|porte|pte|entree|ent|hall|tour|bloc|"
    "unit|flat|suite|boite|bp|cs|studio|lgt|logement|interphone|niveau"
)
_UNIT = re.compile(rf"\b(?:(?:\d+(?:er|e|eme)\s+etage)|(?:{_UNIT_WORDS})\b[\s.:n°]*(?:\d+\w{{0,2}}|[a-z]\d*)?\b)")
_RESIDENCE = re.compile(r"\b(?:residence|resid|res|rce|immeuble|imm|chez|c/o|centre commercial|za|zi|zac)\b.*")
_NUMBER = re.compile(r"\d+")
_REPEAT = frozenset({"bis", "ter", "quater", "b", "t", "c", "d"})
_CEDEX = re.compile(r"\bcedex\b.*")
_ARRONDISSEMENT = re.compile(r"\b\d+\s*(?:er|e|eme|ere)?(?:\s+arr\w*)?$")
_POSTCODE_JUNK = re.compile(r"[^a-z0-9]")
_FRENCH_POSTCODE = 5
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


def normalise_address(
    lines: tuple[str, ...], postcode: str | None, city: str | None, country: str | None = None, *, region: str = "FR"
) -> Address | None:
    """Return the comparable address, or None when nothing of it is usable."""
    number, street = _street(" , ".join(line for line in lines if line))
    found = Address(
        number,
        street,
        normalise_postcode(postcode, country=country or region),
        normalise_city(city),
    )
    return found if any(found) else None


def normalise_postcode(text: str | None, *, country: str = "FR") -> str:
    """Return the postcode without spaces, with the zero that spreadsheets drop put back (France)."""
    if not text:
        return ""
    code = _POSTCODE_JUNK.sub("", ascii_lower(text))
    if country.upper() in {"FR", "FRA", "FRANCE"} and code.isdigit():
        code = code.zfill(_FRENCH_POSTCODE) if len(code) == _FRENCH_POSTCODE - 1 else code
    return "" if code in _FILLER_POSTCODES else code


@lru_cache(maxsize=65536)
def normalise_city(text: str | None) -> str:
    """Return the city run together, `St` written out, without CEDEX and arrondissement."""
    if not text:
        return ""
    plain = _CEDEX.sub("", ascii_lower(text)).strip()
    plain = _ARRONDISSEMENT.sub("", plain).strip() or plain
    found = words(plain)
    if found and found[-1] in {"st", "ste"}:
        found = found[-1:] + found[:-1]
    return "".join({"st": "saint", "ste": "sainte", "s": "sur", "ss": "sous"}.get(word, word) for word in found)


def _street(text: str) -> tuple[str, str]:
    """Return house number and street of the free lines, building and flat left out."""
    plain = _UNIT.sub(" ", ascii_lower(text))
    segments = [_RESIDENCE.sub("", part) for part in re.split(r"[,;\n]", plain)]
    tokens = [word for part in segments for word in words(part)]
    if not tokens:
        return "", ""
    start = next((i for i, word in enumerate(tokens) if word in _STREET_TYPES and (i < len(tokens) - 1)), None)
    if start is None:
        return _untyped(tokens)
    number = next((w for w in reversed(tokens[:start]) if _NUMBER.match(w)), "")
    digits = _NUMBER.match(number)
    name = [_EXPANSIONS.get(w, w) for w in tokens[start + 1 :] if w not in _SMALL_WORDS]
    return (digits[0].lstrip("0") if digits else ""), " ".join([_STREET_TYPES[tokens[start]], *name])


def _untyped(tokens: list[str]) -> tuple[str, str]:
    """Return number and street where no French street type shows: `7 wallaby place`, a hamlet."""
    digits = _NUMBER.match(tokens[0])
    rest = tokens[1:] if digits else tokens
    if digits and rest and rest[0] in _REPEAT and len(rest) > 1:
        rest = rest[1:]
    name = [_EXPANSIONS.get(w, w) for w in rest if w not in _SMALL_WORDS]
    return (digits[0].lstrip("0") if digits else ""), " ".join(name)
