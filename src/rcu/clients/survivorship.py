"""Survivorship: per attribute, the stated rule that picks what enters the golden record.

Every rule is a function of the *set* of statements: the order in which they arrived, or in
which the database returns them, changes nothing. Where a rule leaves a tie, the newest
statement wins, then the lower `(source, external_id)`, then the lower value. A value that a
source has removed is no statement any more; what other sources say of it stands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any

from rapidfuzz.fuzz import ratio

from rcu.clients.statements import (
    Statement,
    grouped,
    in_order,
    newest_first,
    newest_of,
    oldest_first,
    oldest_of,
)
from rcu.identity.normalise.addresses import Address, normalise_address
from rcu.identity.normalise.cards import CardCheck, check_card, normalise_card
from rcu.identity.normalise.dates import is_first_of_january, normalise_birth_date
from rcu.identity.normalise.emails import is_placeholder_email, normalise_email
from rcu.identity.normalise.names import facets, name_words
from rcu.identity.normalise.phones import is_placeholder_phone, normalise_phone
from rcu.identity.registers import is_verified
from rcu.moments import utc_moment, utc_text

ONE_NAME = 80.0
"""Similarity (0 to 100, rapidfuzz `ratio`) from which two family names are one, mistyped."""


class Rule(StrEnum):
    """The rules, as each value of a golden record names the one that picked it."""

    NEWEST = "newest"
    """The value stated last."""

    MOST_COMPLETE_NAME = "most_complete_name"
    """In full over an initial, then agreement of sources, then newest; best spelling of that."""

    NAME_IN_USE = "name_in_use"
    """As `most_complete_name`, among the family names that are not the stated birth name."""

    MOST_AGREED_DATE = "most_agreed_date"
    """A possible date, stated by the most sources; then the one known for longest."""

    ALL_VERIFIED_FIRST = "all_verified_first"
    """All distinct values: verified ones first, then the newest first."""

    ALL_NEWEST_FIRST = "all_newest_first"
    """All distinct values, newest first."""


def newest(statements: Sequence[Statement]) -> dict[str, Any] | None:
    """Return the value stated last: for title, language, preferred store, free attributes."""
    return survivor(newest_of(statements), Rule.NEWEST) if statements else None


def survivor(statement: Statement, rule: Rule, value: Any = None) -> dict[str, Any]:
    """Return a value of the golden record with its provenance; `value` replaces the stated one."""
    return {
        "value": statement.value if value is None else value,
        **statement.provenance(),
        "rule": rule,
    }


# --- names ---------------------------------------------------------------------------------------


def most_complete_name(
    statements: Sequence[Statement], rule: Rule = Rule.MOST_COMPLETE_NAME
) -> dict[str, Any] | None:
    """Return the name that is stated most completely, by most sources.

    Writings of one name (case, accents, hyphens) are one form. The form is picked by:

    1. a name in full before bare initials;
    2. the number of sources, then of records, that state it or a shorter form of it (`J.`,
       `Jean` and `Jeannot` all speak for `Jean-Pierre` or `Jean`, never against);
    3. newest.

    Of the chosen form the writing is picked that has accents, then that is not all in one
    case, then with hyphens; then by number of sources; then newest.
    """
    by_form = grouped(statements, _form)
    if not by_form:
        return None
    form = next(iter(by_form))
    if len(by_form) > 1:
        form = min(by_form, key=lambda form: _form_rank(form, by_form))
    return survivor(_best_writing(by_form[form]), rule)


def name_in_use(family: Sequence[Statement], birth: Sequence[Statement]) -> dict[str, Any] | None:
    """Return the family name in use: `most_complete_name`, where a birth name stands back.

    When a source states a birth name and another family name beside it, records that still
    know the person under the birth name (or a mistyping of it) do not vote.
    """
    if birth_forms := {"".join(form) for form in grouped(birth, _form)}:
        married = [stated for stated in family if _is_another_name(stated, birth_forms)]
        if married:
            return most_complete_name(married, Rule.NAME_IN_USE)
    return most_complete_name(family)


def _is_another_name(stated: Statement, birth_forms: Iterable[str]) -> bool:
    joined = "".join(_form(stated) or ())
    return bool(joined) and all(ratio(joined, birth) < ONE_NAME for birth in birth_forms)


def _form(statement: Statement) -> tuple[str, ...] | None:
    """Return the words of a stated name, or None for no name at all (fillers, signs)."""
    return name_words(statement.value) or None


def _form_rank(
    form: tuple[str, ...], by_form: Mapping[tuple[str, ...], Sequence[Statement]]
) -> tuple[Any, ...]:
    supporting = [
        stated
        for other, statements in by_form.items()
        if other == form or _is_short_for(other, form)
        for stated in statements
    ]
    return (
        facets(form).initials,
        -len({stated.source for stated in supporting}),
        -len({stated.record for stated in supporting}),
        -len("".join(form)),
        newest_first(newest_of(by_form[form])),
    )


@lru_cache(maxsize=4096)
def _is_short_for(short: tuple[str, ...], full: tuple[str, ...]) -> bool:
    """Tell whether a name is another one cut short: initials, some of its words, a diminutive."""
    joined, whole = "".join(short), "".join(full)
    if len(joined) >= len(whole):
        return False
    if whole in facets(short).roots:
        return True
    if facets(short).initials and len(joined) == len(full):
        return all(word.startswith(letter) for letter, word in zip(joined, full, strict=True))
    rest = list(full)
    for word in short:
        whose = next((w for w in rest if w == word or (len(word) == 1 and w[0] == word)), None)
        if whose is None:
            return False
        rest.remove(whose)
    return True


def _best_writing(statements: Sequence[Statement]) -> Statement:
    """Return the statement whose writing of one and the same name is the best."""
    if len({stated.value for stated in statements}) == 1:
        return newest_of(statements)
    sources = {
        text: len({other.source for other in same})
        for text, same in grouped(statements, lambda stated: str(stated.value)).items()
    }
    return min(
        statements,
        key=lambda stated: (
            -_accents(stated.value),
            stated.value.isupper() or stated.value.islower(),
            -stated.value.count("-"),
            -sources[stated.value],
            newest_first(stated),
        ),
    )


def _accents(text: str) -> int:
    return sum(not char.isascii() for char in text)


# --- birth date ----------------------------------------------------------------------------------


def most_agreed_date(statements: Iterable[Statement]) -> dict[str, Any] | None:
    """Return the birth date (ISO) that most sources state; of equals, the one known for longest.

    Impossible dates and fillers (1900-01-01) are no statements. A first of January, which is
    often typed when only the year is known, yields to any other date.
    """
    by_day = grouped(statements, lambda stated: normalise_birth_date(stated.value))
    if not by_day:
        return None
    day = next(iter(by_day))
    if len(by_day) > 1:
        day = min(
            by_day,
            key=lambda day: (
                is_first_of_january(day),
                -len({stated.source for stated in by_day[day]}),
                -len({stated.record for stated in by_day[day]}),
                oldest_first(oldest_of(by_day[day])),
            ),
        )
    return survivor(oldest_of(by_day[day]), Rule.MOST_AGREED_DATE, value=day.isoformat())


# --- lists: e-mails, phones, cards, addresses ----------------------------------------------------


def all_emails(statements: Iterable[Statement]) -> list[dict[str, Any]]:
    """Return the distinct e-mails as written last; fillers such as `client@...` are left out.

    One written all in capitals is given in lower case.
    """

    def canonical(stated: Statement) -> str | None:
        email = normalise_email(stated.value["value"])
        return None if email is None or is_placeholder_email(email) else email

    return _all_identifiers(statements, canonical, shown=lambda _, text: _as_written(text))


def _as_written(email: str) -> str:
    """Return an e-mail as it was written, but one that a till shouted in lower case."""
    return email.lower() if email.isupper() else email


def all_phones(statements: Iterable[Statement], *, region: str) -> list[dict[str, Any]]:
    """Return the distinct phone numbers in E.164; fillers such as `0600000000` are left out."""

    def canonical(stated: Statement) -> str | None:
        phone = normalise_phone(stated.value["value"], region=region)
        return None if phone is None or is_placeholder_phone(phone) else phone

    return _all_identifiers(statements, canonical, shown=lambda phone, _: phone)


def all_cards(statements: Iterable[Statement]) -> list[dict[str, Any]]:
    """Return the distinct card numbers; one whose check digit fails is mistyped, and left out."""

    def canonical(stated: Statement) -> str | None:
        card = normalise_card(stated.value["value"])
        return None if card is None or check_card(card) is CardCheck.SUSPICIOUS else card

    return _all_identifiers(statements, canonical, shown=lambda card, _: card)


def all_addresses(statements: Iterable[Statement], *, region: str) -> list[dict[str, Any]]:
    """Return the distinct postal addresses as written last, newest first.

    A part of an address, such as a postcode alone, confirms the whole one that it fits.
    """

    def canonical(stated: Statement) -> Address | None:
        address = stated.value
        return normalise_address(
            tuple(address.get("lines") or ()),
            address.get("postcode"),
            address.get("city"),
            address.get("country"),
            region=region,
        )

    whole, confirmed = _parts_with_wholes(grouped(statements, canonical))
    found = [
        (in_order(same), in_order(same + confirmed[address])) for address, same in whole.items()
    ]
    if len(found) > 1:
        found.sort(key=lambda group: newest_first(group[1][0]))
    return [
        {
            "value": _whole_address(same[0].value),
            "sources": _provenances(with_parts),
            "rule": Rule.ALL_NEWEST_FIRST,
        }
        for same, with_parts in found
    ]


def _parts_with_wholes(
    groups: Mapping[Address, list[Statement]],
) -> tuple[dict[Address, list[Statement]], dict[Address, list[Statement]]]:
    """Return the whole addresses, and for each the statements of its parts.

    A part that fits several whole addresses is given to the one that was stated last.
    """
    parts: dict[Address, list[Statement]] = defaultdict(list)
    if len(groups) < 2:  # noqa: PLR2004 - an address, and one that it is a part of
        return dict(groups), parts
    whole: dict[Address, list[Statement]] = {}
    for address in sorted(groups, key=lambda a: (-sum(map(bool, a)), a)):
        fitting = [other for other in whole if _is_part(address, other)]
        if fitting:
            home = min(fitting, key=lambda a: (newest_first(newest_of(groups[a])), a))
            parts[home] += groups[address]
        else:
            whole[address] = groups[address]
    return whole, parts


def _is_part(part: Address, whole: Address) -> bool:
    """Tell whether all that one address says, the other says as well, and more."""
    return part != whole and all(
        not said or said == held for said, held in zip(part, whole, strict=True)
    )


def _all_identifiers(
    statements: Iterable[Statement],
    canonical: Callable[[Statement], str | None],
    *,
    shown: Callable[[str, str], str],
) -> list[dict[str, Any]]:
    found: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    groups = grouped(statements, canonical)
    for key, same in groups.items():
        ordered = in_order(same)
        verified = [stated for stated in ordered if is_verified(stated.value)]
        rank = (not verified, newest_first(ordered[0]), key) if len(groups) > 1 else ()
        value = {
            "value": shown(key, (verified or ordered)[0].value["value"]),
            "verified": bool(verified),
            "verified_at": _last_verification(verified),
            "sources": _provenances(ordered),
            "rule": Rule.ALL_VERIFIED_FIRST,
        }
        found.append((rank, value))
    if len(found) > 1:
        found.sort(key=lambda ranked: ranked[0])
    return [value for _, value in found]


def _last_verification(verified: Sequence[Statement]) -> str | None:
    """Return when the value was last verified; a source that does not say did it when it spoke."""
    if not verified:
        return None
    times = [
        utc_moment(at) if (at := stated.value.get("verified_at")) else stated.occurred_at
        for stated in verified
    ]
    return utc_text(max(times))


def _whole_address(address: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "lines": list(address.get("lines") or ()),
        "postcode": address.get("postcode"),
        "city": address.get("city"),
        "country": address.get("country"),
    }


def _provenances(ordered: Sequence[Statement]) -> list[dict[str, Any]]:
    """Return the provenance of a value, one a record: its newest statement of it."""
    if len(ordered) == 1:
        return [ordered[0].provenance()]
    by_record: dict[tuple[str, str], Statement] = {}
    for stated in ordered:
        by_record.setdefault(stated.record, stated)
    return [stated.provenance() for stated in by_record.values()]
