"""What a newcomer is shown to try: requests that hold together."""

from __future__ import annotations

import json
import shlex
from uuid import UUID

import pytest

from rcu.demo.generator import generate
from rcu.demo.keys import DemoKeys
from rcu.demo.records import LOYALTY
from rcu.demo.tour import Star, new_ticket, steps
from rcu.identity.normalise.cards import CardCheck, check_card
from rcu.identity.normalise.phones import normalise_phone
from rcu.ingestion.messages import ProfileMessage, TicketMessage

KEYS = DemoKeys(reader="rcu_reader", till="rcu_till")
ADDRESS = "http://127.0.0.1:8000"


@pytest.fixture
def star() -> Star:
    """Give a client of the sample who has a loyalty card."""
    sample = generate()
    source, message = next(
        (source, sent)
        for source, sent in sample.messages
        if source == LOYALTY and isinstance(sent, ProfileMessage) and sent.cards
    )
    assert isinstance(message, ProfileMessage)
    assert message.cards
    person = sample.truth.people[sample.truth.person_of[source, message.external_id]]
    return Star(UUID(int=7), person, message.cards[0].value)


def test_each_request_is_one_shell_command_with_the_right_key(star: Star) -> None:
    lookup, ticket, view = (shlex.split(step.command) for step in steps(star, KEYS, ADDRESS))

    assert {lookup[0], ticket[0], view[0]} == {"curl"}
    assert "Authorization: Bearer rcu_reader" in lookup
    assert "Authorization: Bearer rcu_till" in ticket
    assert view[-1] == f"{ADDRESS}/v1/clients/{UUID(int=7)}"


def test_the_phone_is_written_as_people_write_it_and_stays_out_of_the_url(star: Star) -> None:
    lookup = shlex.split(steps(star, KEYS, ADDRESS)[0].command)

    sent = json.loads(lookup[lookup.index("-d") + 1])
    assert " " in sent["phone"]
    assert normalise_phone(sent["phone"]) == normalise_phone(star.person.mobile)
    assert lookup[-1] == f"{ADDRESS}/v1/clients/lookup"


def test_the_ticket_is_valid_and_no_other_ticket_of_the_sample(star: Star) -> None:
    ticket = TicketMessage.model_validate(new_ticket(star))

    assert ticket.customer
    assert ticket.customer.card == star.card
    assert check_card(star.card) is CardCheck.VALID
    assert sum(line.amount_cents for line in ticket.lines) == ticket.total_cents
    printed = (ticket.store, ticket.till, ticket.number)
    assert printed not in {
        (sent.store, sent.till, sent.number)
        for _, sent in generate().messages
        if isinstance(sent, TicketMessage)
    }
