"""The demo retailer: the same on every machine, reaching nobody, with all the usual troubles."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from hashlib import sha256

from rcu.demo.generator import SEED, Sample, generate
from rcu.demo.trouble import JUNK_EMAILS, JUNK_PHONES
from rcu.identity.normalise.cards import CardCheck, check_card
from rcu.identity.normalise.emails import is_placeholder_email, normalise_email
from rcu.identity.normalise.phones import is_placeholder_phone, normalise_phone
from rcu.ingestion.intake import digest_of
from rcu.ingestion.messages import (
    MESSAGE_MODELS,
    ConsentMessage,
    EventMessage,
    Message,
    MessageType,
    OrderMessage,
    OrderStatus,
    ProfileMessage,
    TicketKind,
    TicketMessage,
)

DIGEST = "fd0cd30d9f45d41d0a116e75082ab4d45320bd3bbbba2cbaf04f3f50a35f5078"
"""Of the whole sample. A change of it means that loaded demos would refuse the new messages."""

FICTION = ("063998", "019900", "026191", "035301", "046571", "053649")
"""Blocks of the French numbering plan that no operator may give to anybody."""


def test_the_sample_is_the_same_byte_for_byte_on_every_machine() -> None:
    digest = sha256()
    for source, message in generate.__wrapped__(SEED).messages:
        digest.update(source.encode() + digest_of(message))

    assert digest.hexdigest() == DIGEST


def test_another_seed_invents_another_retailer() -> None:
    assert generate.__wrapped__(SEED + 1).messages != generate().messages


def test_it_is_a_small_retailer_of_a_thousand_records_and_some_thousand_tickets() -> None:
    sample = generate()
    kinds = Counter(type(message) for _, message in sample.messages)

    assert 380 <= len(sample.truth.people) <= 420
    assert 900 <= len(sample.truth.person_of) <= 1_100
    assert 3_800 <= kinds[TicketMessage] <= 4_800
    assert 1_400 <= kinds[EventMessage] <= 1_600
    assert kinds[OrderMessage] > 1_000
    assert kinds[ConsentMessage] > 1_000


def test_every_usual_trouble_occurs() -> None:
    troubles = {trouble for held in generate().truth.troubles.values() for trouble in held}
    people = generate().truth.people.values()

    assert troubles >= {
        "birth_name", "shared_email", "shared_phone", "typo_given", "typo_family", "typo_email",
        "typo_phone", "typo_card", "swapped", "swapped_birth_date", "initial", "diminutive",
        "compound", "junk_email", "junk_phone", "junk_birth_date", "old_address", "upper", "thin",
        "landline", "updated",
    }  # fmt: skip
    assert sum(person.namesake for person in people) >= 6
    assert sum(person.twin for person in people) >= 6


def test_message_ids_are_unique_in_their_source() -> None:
    ids = Counter((source, message.message_id) for source, message in generate().messages)

    assert max(ids.values()) == 1


def test_no_telephone_number_can_reach_anybody() -> None:
    for number in phones(generate()):
        assert national(number).startswith(FICTION) or national(number) in JUNK_PHONES


def test_no_mailbox_can_exist() -> None:
    for address in emails(generate()):
        assert address.lower().endswith(".example") or address in JUNK_EMAILS


def test_only_what_is_meant_as_junk_counts_as_a_placeholder() -> None:
    for address in emails(generate()):
        normal = normalise_email(address)
        assert normal is not None
        assert is_placeholder_email(normal) == (address.lower() in JUNK_EMAILS)
    for number in phones(generate()):
        dialled = normalise_phone(number)
        assert dialled is not None
        assert is_placeholder_phone(dialled) == (national(number) in JUNK_PHONES)


def test_loyalty_cards_have_a_check_digit_that_typing_errors_break() -> None:
    sample = generate()

    for source, message in sample.messages:
        if not isinstance(message, ProfileMessage) or not message.cards:
            continue
        typed_wrong = "typo_card" in sample.truth.troubles[source, message.external_id]
        expected = CardCheck.SUSPICIOUS if typed_wrong else CardCheck.VALID
        assert check_card(message.cards[0].value) is expected


def test_what_a_return_or_a_void_refers_to_was_sent_before_it() -> None:
    sent: set[str] = set()
    lost = 0
    for _, message in generate().messages:
        if not isinstance(message, TicketMessage):
            continue
        if message.original and message.original.ticket_id not in sent:
            lost += 1
            assert message.kind is TicketKind.RETURN
        assert message.ticket_id is not None
        sent.add(message.ticket_id)

    assert lost == 6, "some returns are of tickets older than the sample: they wait"


def test_an_order_is_placed_before_anything_else_is_said_of_it() -> None:
    placed: set[str] = set()

    for _, message in generate().messages:
        if isinstance(message, OrderMessage):
            if message.status is OrderStatus.PLACED:
                placed.add(message.order_id)
            assert message.order_id in placed
        if isinstance(message, TicketMessage) and message.order_id:
            assert message.order_id in placed


def test_tills_number_their_tickets_without_gap() -> None:
    seen: dict[tuple[str | None, str | None, object], int] = {}
    tickets = [sent for _, sent in generate().messages if isinstance(sent, TicketMessage)]

    for ticket in tickets:
        if ticket.store:
            till = (ticket.store, ticket.till, ticket.business_date)
            assert ticket.number == seen.get(till, 0) + 1
            seen[till] = ticket.number


def test_some_profiles_arrive_out_of_order() -> None:
    newest: dict[tuple[str, str], datetime] = {}
    overtaken = 0
    for source, message in generate().messages:
        if isinstance(message, ProfileMessage):
            last = newest.get((source, message.external_id))
            overtaken += last is not None and message.occurred_at < last
            newest[source, message.external_id] = message.occurred_at

    assert overtaken >= 1


def test_every_message_reads_back_from_its_own_json() -> None:
    types: dict[type[Message], MessageType] = {
        model: kind for kind, model in MESSAGE_MODELS.items()
    }

    for _, message in generate().messages:
        model = MESSAGE_MODELS[types[type(message)]]
        assert model.model_validate_json(message.model_dump_json(exclude_unset=True)) == message


def national(number: str) -> str:
    """Return the ten digits of a French number, however it is written."""
    for prefix in ("+33 (0)", "+33", "0033"):
        number = number.replace(prefix, "0")
    return "".join(filter(str.isdigit, number))


def phones(sample: Sample) -> set[str]:
    """Return every telephone number of the sample, as written."""
    found = {
        phone.value
        for _, message in sample.messages
        if isinstance(message, ProfileMessage)
        for phone in message.phones or ()
    }
    return found | {
        message.customer.phone
        for _, message in sample.messages
        if isinstance(message, TicketMessage) and message.customer and message.customer.phone
    }


def emails(sample: Sample) -> set[str]:
    """Return every e-mail address of the sample, as written."""
    found = {
        email.value
        for _, message in sample.messages
        if isinstance(message, ProfileMessage)
        for email in message.emails or ()
    }
    return found | {
        message.customer.email
        for _, message in sample.messages
        if not isinstance(message, ProfileMessage) and message.customer and message.customer.email
    }
