"""The golden record of a client, assembled attribute by attribute from its profile records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from rcu.clients import survivorship
from rcu.clients.survivorship import Statement


@dataclass(frozen=True, slots=True)
class ProfileRecord:
    """The profile of one source record: attribute to `{value, occurred_at, message_id}`."""

    source: str
    external_id: str
    profile: Mapping[str, Mapping[str, Any]]

    def statement(self, attribute: str) -> Statement | None:
        """Return what the record states of an attribute now, or None."""
        register = self.profile.get(attribute)
        if register is None or register["value"] is None:
            return None
        return self._stated(register["value"], register)

    def statements(self, attribute: str) -> Iterator[Statement]:
        """Yield one statement for each member of a list attribute."""
        register = self.profile.get(attribute)
        for value in (register and register["value"]) or ():
            yield self._stated(value, register or {})

    def _stated(self, value: Any, register: Mapping[str, Any]) -> Statement:
        at = _moment(register["occurred_at"])
        return Statement(value, self.source, self.external_id, at)


@lru_cache(maxsize=4096)
def _moment(text: str) -> datetime:
    """Return a time; the attributes of a record mostly have one in common."""
    return datetime.fromisoformat(text)


def assemble(records: Sequence[ProfileRecord], *, region: str = "FR") -> dict[str, Any]:
    """Return the golden record of profile records, as JSON; every attribute is present.

    A single value is None or `{value, source, external_id, occurred_at, rule}`; a list holds
    `{value, sources, rule}` with, for identifiers, `verified` and `verified_at`. `region`
    (ISO 3166 alpha-2) reads phone numbers without a country code.
    """
    return {
        "title": survivorship.newest(_single(records, "title")),
        "given_name": survivorship.most_complete_name(_single(records, "given_name")),
        "family_name": survivorship.name_in_use(
            _single(records, "family_name"), _single(records, "birth_name")
        ),
        "birth_name": survivorship.most_complete_name(_single(records, "birth_name")),
        "birth_date": survivorship.most_agreed_date(_single(records, "birth_date")),
        "language": survivorship.newest(_single(records, "language")),
        "preferred_store": survivorship.newest(_single(records, "preferred_store")),
        "emails": survivorship.all_emails(_listed(records, "emails")),
        "phones": survivorship.all_phones(_listed(records, "phones"), region=region),
        "cards": survivorship.all_cards(_listed(records, "cards")),
        "addresses": survivorship.all_addresses(_listed(records, "addresses"), region=region),
        "attributes": _attributes(records),
    }


def _attributes(records: Iterable[ProfileRecord]) -> dict[str, Any]:
    """Return the free attributes: the newest statement of each key. A null key is not stated."""
    by_key: dict[str, list[Statement]] = {}
    for record in records:
        whole = record.statement("attributes")
        if whole is None:
            continue
        for key, value in whole.value.items():
            if value is not None:
                stated = Statement(value, whole.source, whole.external_id, whole.occurred_at)
                by_key.setdefault(key, []).append(stated)
    return {key: survivorship.newest(by_key[key]) for key in sorted(by_key)}


def _single(records: Iterable[ProfileRecord], attribute: str) -> list[Statement]:
    stated = (record.statement(attribute) for record in records)
    return [statement for statement in stated if statement is not None]


def _listed(records: Iterable[ProfileRecord], attribute: str) -> list[Statement]:
    return [stated for record in records for stated in record.statements(attribute)]
