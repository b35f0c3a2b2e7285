"""Values that nobody can compare: a date that is none, a phone number that is none."""

from __future__ import annotations

from collections.abc import Iterator

from rcu.identity.normalise.dates import comparable_birth_date, is_no_date
from rcu.identity.normalise.emails import normalise_email
from rcu.identity.normalise.phones import foreign_phone, normalise_phone
from rcu.ingestion.messages import Message, ProfileMessage


def unread(message: Message, *, region: str) -> Iterator[str]:
    """Yield the fields of a message that hold a value nobody can compare, each once."""
    if not isinstance(message, ProfileMessage):
        return
    born = message.birth_date
    if born and comparable_birth_date(born) is None and not is_no_date(born):
        yield "birth_date"
    if not all(map(normalise_email, [one.value for one in message.emails or ()])):
        yield "emails"
    for one in message.phones or ():
        if not (normalise_phone(one.value, region=region) or foreign_phone(one.value)):
            yield "phones"
            break
