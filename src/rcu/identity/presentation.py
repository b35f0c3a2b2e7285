"""What a fact carries to say whose it is, in normal form."""

import json
from dataclasses import dataclass
from hashlib import sha256

from rcu.db.locks import lock_key
from rcu.identity import placing
from rcu.identity.blocking import identifier_key
from rcu.identity.features import Features, describe
from rcu.identity.models import RecordKind
from rcu.identity.person import Person
from rcu.identity.placing import IdentifierKey
from rcu.identity.repository import RecordKey

IDENTIFIERS_PREFIX = "ids:"


@dataclass(frozen=True, slots=True)
class Presented:
    """What a fact carried to say whose it is."""

    source: str
    external_id: str | None
    person: Person


@dataclass(frozen=True, slots=True)
class Presentation:
    """What was presented, normalised: the record that the fact hangs on, and its identifiers."""

    key: RecordKey
    kind: RecordKind
    features: Features
    identifiers: frozenset[IdentifierKey]

    @property
    def shown(self) -> frozenset[IdentifierKey]:
        """The identifiers to remember of the record.

        Under a record of the source only tokens and devices: who signs in under an account
        and types somebody else's e-mail does not make that e-mail the account's.
        """
        if self.kind == RecordKind.IDENTIFIERS:
            return self.identifiers
        return frozenset(placing.instrumental_identifiers(self.identifiers))

    @property
    def names_a_person(self) -> bool:
        """Whether it holds more than a means of payment or a device."""
        return self.kind == RecordKind.REFERENCE or placing.names_a_person(self.identifiers)

    @property
    def locks(self) -> frozenset[int]:
        """What must be locked before the record is looked up or made."""
        return frozenset(
            {lock_key("record", *self.key)}
            | {identifier_key(kind, value) for kind, value in self.identifiers}
        )


def present(presented: Presented, *, region: str) -> Presentation | None:
    """Return what was presented in normal form, or None when it designates nobody.

    Without an id of the source, the record is that of the whole set of identifiers and
    names: two facts with the same set hang on one record, and no value of the set stands
    in its id.
    """
    features = describe(presented.person, region=region)
    identifiers = frozenset(features.held)
    if presented.external_id is not None:
        key, kind = (presented.source, presented.external_id), RecordKind.REFERENCE
    elif identifiers:
        key, kind = (presented.source, _set_id(features)), RecordKind.IDENTIFIERS
    else:
        return None
    return Presentation(key, kind, features, identifiers)


def _set_id(features: Features) -> str:
    names = [list(features.given_name), list(features.family_name)]
    held = json.dumps([sorted(features.held), names], separators=(",", ":"))
    return IDENTIFIERS_PREFIX + sha256(held.encode()).hexdigest()[:32]
