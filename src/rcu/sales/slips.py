"""What a mistyped card or e-mail may have been: everything one slip away; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rcu.identity.normalise.cards import CardCheck, check_card, corrections

_DIGITS: Final = "0123456789"
_OF_EMAILS: Final = "abcdefghijklmnopqrstuvwxyz0123456789._-"
_LONGEST_CARD: Final = 20
_LONGEST_EMAIL: Final = 64
"""Longer ones are left alone: what is one slip away grows with the length."""


def near_cards(number: str) -> frozenset[str]:
    """Return the numbers that one wrong digit or two swapped ones part from a card number.

    A number whose check digit is right was not mistyped: nothing is near. One that cannot be
    checked may have any digit wrong, one too many, or one missing.
    """
    check = check_card(number)
    if check is CardCheck.SUSPICIOUS:
        return frozenset(corrections(number))
    if check is CardCheck.VALID or not number.isdigit() or len(number) > _LONGEST_CARD:
        return frozenset()
    return frozenset(_slips(number, _DIGITS)) - {number}


def near_emails(email: str) -> frozenset[str]:
    """Return the addresses that one letter, wrong, missing, too many or swapped, parts from one.

    `email` is normalised; so are those that are returned, but for what no provider would take.
    """
    local, at, domain = email.rpartition("@")
    if not at or len(email) > _LONGEST_EMAIL:
        return frozenset()
    near = {f"{slip}@{domain}" for slip in _slips(local, _OF_EMAILS) if slip}
    near |= {f"{local}@{slip}" for slip in _slips(domain, _OF_EMAILS) if "." in slip}
    return frozenset(near - {email})


def _slips(text: str, letters: str) -> Iterator[str]:
    for i in range(len(text) + 1):
        before, after = text[:i], text[i:]
        yield from (before + letter + after for letter in letters)
        if after:
            yield before + after[1:]
            yield from (before + letter + after[1:] for letter in letters)
        if len(after) > 1:
            yield before + after[1] + after[0] + after[2:]
