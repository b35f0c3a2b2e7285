"""The golden record of a client, assembled attribute by attribute from its profile records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rcu.clients import survivorship
from rcu.clients.statements import Statement
from rcu.moments import utc_moment


@dataclass(slots=True)
class ProfileRecord:
    """The profile of one source record: attribute to `{value, occurred_at, message_id}`.

    Never changed once made, though not declared frozen: as of `Features`.
    """

    source: str
    external_id: str
    profile: Mapping[str, Mapping[str, Any]]

    def value(self, attribute: str) -> Any:
        """Return the value that the record states of an attribute now, or None."""
        register = self.profile.get(attribute)
        return None if register is None else register["value"]


def assemble(records: Sequence[ProfileRecord], *, region: str = "FR") -> dict[str, Any]:
    """Return the golden record of profile records, as JSON; every attribute is present.

    A single value is None or `{value, source, external_id, occurred_at, rule}`; a list holds
    `{value, sources, rule}` with, for identifiers, `verified` and `verified_at`. `region`
    (ISO 3166 alpha-2) reads phone numbers without a country code.
    """
    stated = _by_attribute(records)
    return {
        "title": survivorship.newest(stated["title"]),
        "given_name": survivorship.most_complete_name(stated["given_name"]),
        "family_name": survivorship.name_in_use(stated["family_name"], stated["birth_name"]),
        "birth_name": survivorship.most_complete_name(stated["birth_name"]),
        "birth_date": survivorship.most_agreed_date(stated["birth_date"]),
        "language": survivorship.newest(stated["language"]),
        "preferred_store": survivorship.newest(stated["preferred_store"]),
        "emails": survivorship.all_emails(stated["emails"]),
        "phones": survivorship.all_phones(stated["phones"], region=region),
        "cards": survivorship.all_cards(stated["cards"]),
        "addresses": survivorship.all_addresses(stated["addresses"], region=region),
        "attributes": _attributes(stated["attributes"]),
    }


_LISTED = frozenset({"emails", "phones", "cards", "addresses"})


def _by_attribute(records: Iterable[ProfileRecord]) -> defaultdict[str, list[Statement]]:
    """Return all that is stated, by attribute; of a list, each member is a statement."""
    found: defaultdict[str, list[Statement]] = defaultdict(list)
    for record in records:
        source, external_id = record.source, record.external_id
        for attribute, register in record.profile.items():
            value = register["value"]
            if value is None:
                continue
            at = utc_moment(register["occurred_at"])
            if attribute in _LISTED:
                found[attribute] += [Statement(one, source, external_id, at) for one in value]
            else:
                found[attribute].append(Statement(value, source, external_id, at))
    return found


def _attributes(statements: Iterable[Statement]) -> dict[str, Any]:
    """Return the free attributes: the newest statement of each key. A null key is not stated."""
    by_key: dict[str, list[Statement]] = {}
    for whole in statements:
        for key, value in whole.value.items():
            if value is not None:
                stated = Statement(value, whole.source, whole.external_id, whole.occurred_at)
                by_key.setdefault(key, []).append(stated)
    return {key: survivorship.newest(by_key[key]) for key in sorted(by_key)}
