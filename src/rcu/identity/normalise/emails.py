"""E-mail addresses made comparable, by what mail providers do and nothing more."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import idna

from rcu.identity.normalise.text import without_invisible

_MAX_LENGTH = 254
_LOCAL = re.compile(r"[^\s@<>()\[\],;:\"\\]+")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")
_WRAPPING = " \t<>\"'.,;"

_DOTLESS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
_PLUS_TAGS = re.compile(
    r"(?:gmail\.com|(?:outlook|hotmail|live|msn)\.[a-z.]{2,6}|icloud\.com|me\.com|mac\.com"
    r"|proton(?:mail)?\.(?:com|me|ch)|pm\.me|fastmail\.(?:com|fm))"
)

_PLACEHOLDER_LOCALS = frozenset(
    """
    a aa aaa abc abcd adresse anonyme anonymous aucun aucune aucunmail azerty caisse caissier
    client clients customer donotreply email exemple example fake inconnu inconnue
    jenaipasdemail magasin mail na nc neant noemail nomail none nonrenseigne noreply nospam null
    pasdadresse pasdemail pasdemails pasmail qwerty refus refuse rien sans sansadresse sansemail
    sansmail spam test tests tester toto unknown vendeur vide x xx xxx xyz zzz
    """.split()  # noqa: SIM905 - a block of words reads better than a quoted list
)
_PLACEHOLDER_NUMBERED = re.compile(
    r"(?:client|caisse|magasin|boutique|vendeur|store|shop|test|till|pos|sansmail|noemail|nomail)[0-9]{0,6}"
)
_PLACEHOLDER_DOMAIN = re.compile(
    r"(?:no|nos|sans|pasde|pas-de|aucun)-?e?mails?\.[a-z]+"
    r"|(?:aucun|none|null|inconnu|unknown|noreply|fake|xxx?)\.[a-z]+|.+\.invalid"
)


@lru_cache(maxsize=16384)
def normalise_email(text: str) -> str | None:
    """Return the canonical form of an e-mail address, or None when it is not one.

    The domain is in ASCII (IDNA); dots and plus tags go where the provider ignores them.
    Case is folded letter by letter, and only where that cannot turn one alphabet's letter
    into another's: look-alike letters (dotless i, Kelvin sign, Cyrillic a) stay apart.
    """
    text = without_invisible(text).replace("\u00a0", "").strip(_WRAPPING)
    if text[:7].lower() == "mailto:":
        text = text[7:]
    local, at, domain = text.rpartition("@")
    if not at or not local or len(text) > _MAX_LENGTH or not _LOCAL.fullmatch(local):
        return None
    ascii_domain = _ascii_domain(domain)
    if ascii_domain is None or local[0] == "." or local[-1] == "." or ".." in local:
        return None
    local = local.lower() if local.isascii() else _fold_case(local)
    ascii_domain = _DOTLESS.get(ascii_domain, ascii_domain)
    if "+" in local[1:] and _PLUS_TAGS.fullmatch(ascii_domain):
        local = local[: local.index("+", 1)]
    if ascii_domain == "gmail.com":
        local = local.replace(".", "")
    return f"{local}@{ascii_domain}"


@lru_cache(maxsize=16384)
def is_placeholder_email(email: str) -> bool:
    """Tell whether a normalised address is a filler (`client@`, `noreply@`), nobody's mailbox."""
    local, _, domain = email.rpartition("@")
    letters = local.translate(_WITHOUT_SIGNS)
    return (
        letters in _PLACEHOLDER_LOCALS
        or _PLACEHOLDER_NUMBERED.fullmatch(letters) is not None
        or (len(letters) > 1 and len(set(letters)) == 1)
        or _is_placeholder_domain(domain)
    )


_WITHOUT_SIGNS = str.maketrans("", "", "._+-")


@lru_cache(maxsize=1024)
def _is_placeholder_domain(domain: str) -> bool:
    return _PLACEHOLDER_DOMAIN.fullmatch(domain) is not None


@lru_cache(maxsize=1024)
def _ascii_domain(domain: str) -> str | None:
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    domain = domain.lower().rstrip(".")
    return domain if _DOMAIN.fullmatch(domain) else None


def _fold_case(local: str) -> str:
    return "".join(map(_fold_letter, _compose(local)))


def _compose(text: str) -> str:
    """Return NFC, but leave alone the letters that NFC would turn into ASCII (Kelvin sign)."""
    pieces: list[str] = []
    kept = ""
    for char in text:
        if not char.isascii() and unicodedata.normalize("NFC", char).isascii():
            pieces += (unicodedata.normalize("NFC", kept), char)
            kept = ""
        else:
            kept += char
    return "".join((*pieces, unicodedata.normalize("NFC", kept)))


def _fold_letter(char: str) -> str:
    lower = char.lower()
    if char.isascii():
        return lower
    return lower if len(lower) == 1 and not lower.isascii() and lower.upper() == char else char
