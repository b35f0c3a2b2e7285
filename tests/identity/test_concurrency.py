"""The partition under concurrency: what is sent at once ends as what is sent in turn."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import orjson
import pytest

from rcu.db.locks import lock_until_commit
from rcu.demo.generator import generate
from rcu.identity import presented
from rcu.identity.drafts import Prepared, prepare
from rcu.identity.presentation import Presentation
from rcu.ingestion import service
from rcu.ingestion.messages import ProfileMessage
from tests.ingestion.shop import Message, Shop, bring_back, clear, profile, sale

ODILE: dict[str, Any] = {
    "given_name": "Odile",
    "family_name": "Vasseur",
    "birth_date": "1971-05-04",
    "emails": ["odile.vasseur@mail.example"],
    "phones": ["06 39 98 12 08"],
    "cards": ["ABC-1234"],
    "addresses": [{"lines": ["12 rue des Lilas"], "postcode": "59000", "city": "Lille"}],
}
NAMES = {"given_name", "family_name", "birth_date"}
SOURCES = ("pos", "eshop", "app", "loyalty")

DICE = random.Random(11)  # noqa: S311 - no secret


def parts(*sources: str) -> list[tuple[str, Message]]:
    """Return every way to tell of Odile by her name and two or three other things."""
    told = sorted(ODILE.keys() - {"given_name", "family_name"})
    chosen = [*combinations(told, 3), *combinations(told, 4)]
    return [
        (source, profile(f"R{n}", given_name="Odile", family_name="Vasseur", **_only(some)))
        for n, some in enumerate(chosen)
        for source in sources[n % len(sources) :][:1]
    ]


def _only(names: Sequence[str]) -> dict[str, Any]:
    return {name: ODILE[name] for name in names}


async def test_a_new_person_sent_by_everybody_at_once_is_one_client(shop: Shop) -> None:
    sent = parts(*SOURCES)

    answers = await asyncio.gather(*(shop.send(who, "profile", message) for who, message in sent))

    assert {answer.status_code for answer in answers} == {201}
    assert await shop.clients() == 1
    assert sum(answer.json()["outcome"] == "created" for answer in answers) == 1
    current = await shop.client_of(sent[0][0], "R0")
    for told in {answer.json()["client_id"] for answer in answers}:
        view = await shop.staff("GET", f"clients/{told}")
        assert view["client_id"] == current


@pytest.mark.parametrize("pair", list(combinations(sorted(ODILE.keys() - NAMES), 2)), ids=str)
async def test_two_records_that_share_only_one_key_meet_when_sent_at_once(
    shop: Shop, pair: tuple[str, str]
) -> None:
    names = {"given_name": "Odile", "family_name": "Vasseur"}
    for round_ in range(4):
        both, one = {name: ODILE[name] for name in pair}, {pair[0]: ODILE[pair[0]]}
        await asyncio.gather(
            shop.profile("pos", f"P{round_}", **names, **both),
            shop.profile("eshop", f"E{round_}", **names, **one),
        )

    assert await shop.clients() == 1


async def test_ties_made_at_once_at_both_ends_of_a_chain_make_one_client(shop: Shop) -> None:
    """The two messages share no key: what keeps them apart is the client between them."""
    for n in range(12):
        left, right = (f"06{DICE.randrange(10**7, 10**8)}" for _ in "lr")
        card, email = f"C{DICE.randrange(10**9, 10**10)}", f"odile.vasseur.{n}@mail.example"
        await shop.profile("pos", f"P{n}", given_name="Odile", phones=[left])
        await shop.profile("pos", f"Q{n}", given_name="Odile", cards=[card], emails=[email])
        await shop.profile("pos", f"R{n}", given_name="Odile", phones=[right])

        await asyncio.gather(
            shop.profile("app", f"PQ{n}", given_name="Odile", phones=[left], cards=[card]),
            shop.profile("eshop", f"QR{n}", given_name="Odile", emails=[email], phones=[right]),
        )

    assert await shop.clients() == 12


async def _receive_in_a_process(shop: Shop, source: str) -> list[str]:
    url = shop.database.engine.url.render_as_string(hide_password=False)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("sending_process.py")),
        url,
        source,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(orjson.dumps([message for _, message in parts(source)]))
    assert process.returncode == 0
    told: list[str] = orjson.loads(out)
    return told


async def test_a_new_person_sent_from_two_processes_at_once_is_one_client(shop: Shop) -> None:
    told = await asyncio.gather(*(_receive_in_a_process(shop, who) for who in ("pos", "eshop")))

    assert await shop.clients() == 1
    rows = await shop.rows(
        "SELECT DISTINCT client_id FROM source_record WHERE id = ANY (CAST(:ids AS uuid[]))",
        ids=sorted({client_id for answers in told for client_id in answers}),
    )
    assert [str(row[0]) for row in rows] == [await shop.client_of("pos", "R0")]


async def test_a_random_concurrent_mix_ends_as_the_same_in_turn(shop: Shop) -> None:
    profiles = [sent for sent in generate().messages if isinstance(sent[1], ProfileMessage)]
    sent = profiles[:300]
    for source, message in sent:
        await service.receive_together(shop.database, source=source, messages=[message])
    in_turn = await _partition(shop)
    await clear(shop.database)
    DICE.shuffle(sent)

    async def work(mine: Sequence[tuple[str, Any]]) -> None:
        for source, message in mine:
            [receipt] = await service.receive_together(
                shop.database, source=source, messages=[message]
            )
            assert receipt.status < 300

    await asyncio.gather(*(work(sent[n::8]) for n in range(8)))

    assert await _partition(shop) == in_turn


async def test_batches_of_the_same_people_in_opposite_orders_at_once_are_all_accepted(
    shop: Shop,
) -> None:
    people: list[dict[str, Any]] = [
        {
            "given_name": "Odile",
            "birth_date": f"19{n + 10}-05-04",
            "emails": [f"odile-{n}@m.example"],
        }
        for n in range(40)
    ]
    batches = [
        [{"type": "profile"} | profile(f"R{n}", **person) for n, person in enumerate(people)]
        for _ in SOURCES
    ]

    results = await asyncio.gather(
        *(
            shop.batch(source, batch if n % 2 else batch[::-1])
            for n, (source, batch) in enumerate(zip(SOURCES, batches, strict=True))
        )
    )

    assert {result["status"] for batch in results for result in batch} == {201}
    assert await shop.clients() == 40


async def test_tickets_profiles_and_merges_at_once_leave_everything_sound(shop: Shop) -> None:
    given = ["Odile", "Basile", "Capucine", "Domitille"]
    people = [
        {"given_name": name, "family_name": "Vasseur", "emails": [f"{name.lower()}@mail.example"]}
        for name in given
    ]
    clients = [
        (await shop.profile("pos", f"P{n}", **person, cards=[f"ABC-123{n}"]))["client_id"]
        for n, person in enumerate(people)
    ]
    work: list[Any] = []
    for n in range(90):
        who = DICE.randrange(4)
        carried = DICE.choice(
            [
                {"card": f"ABC-123{who}"},
                {"email": people[who]["emails"][0]},
                {"external_id": f"P{who}"},
                {"external_id": f"new-{who}"},
                {"phone": f"063998120{who}", "email": people[who]["emails"][0]},
                None,
            ]
        )
        sold = sale(customer=carried, token=DICE.choice([None, f"par_tok_{DICE.randrange(4)}"]))
        work.append(shop.send("pos", "ticket", sold))
        if n % 6 == 0:
            work.append(shop.send("eshop", "ticket", bring_back(sold)))
        if n % 5 == 0:
            phones = [f"063998120{DICE.randrange(4)}"]
            message = profile(f"E{who}", minute=n, **people[who] | {"phones": phones})
            work.append(shop.send("eshop", "profile", message))
        if n % 9 == 0:
            one, other = DICE.sample(clients, 2)
            work.append(shop.merge(one, other))
        if n % 9 == 4:
            work.append(shop.split(DICE.choice(clients), [("pos", f"P{who}")]))
    DICE.shuffle(work)

    answers = await asyncio.gather(*work)

    assert {answer.status_code for answer in answers} <= {200, 201, 202, 409}
    assert await shop.parked() == []


async def test_merges_of_overlapping_clients_at_once_are_done_or_refused(shop: Shop) -> None:
    given = ["Odile", "Basile", "Capucine", "Domitille", "Eustache", "Fantine"]
    clients = [
        (await shop.profile("pos", f"P{n}", given_name=name))["client_id"]
        for n, name in enumerate(given)
    ]
    pairs = [*combinations(clients, 2)]

    answers = await asyncio.gather(
        *(shop.merge(*(pair if n % 2 else pair[::-1])) for n, pair in enumerate(pairs))
    )

    assert {answer.status_code for answer in answers} <= {200, 409}
    refused = {answer.json()["type"] for answer in answers if answer.status_code == 409}
    assert refused <= {"/problems/same-client"}
    assert await shop.clients() == 1


# --- the narrow moments, opened wide --------------------------------------------------------------


async def test_a_record_that_is_merged_between_its_reading_and_its_locks_leaves_cleanly(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    name: dict[str, Any] = {"given_name": "Odile", "family_name": "Vasseur"}
    await shop.profile("pos", "P1", **name, birth_date="1971-05-04", cards=["ABC-1234"])
    await shop.profile("eshop", "E1", **name, emails=["odile@mail.example"])
    both = profile("A1", **name, cards=["ABC-1234"], emails=["odile@mail.example"])

    async def read_and_merge(*given: Any, **named: Any) -> Prepared:
        prepared = await prepare(*given, **named)
        monkeypatch.undo()
        await shop.accept("app", "profile", both)
        return prepared

    monkeypatch.setattr("rcu.identity.entering.prepare", read_and_merge)
    left = await shop.profile("eshop", "E1", minute=1, emails=[], given_name="Basile")

    assert await shop.client_of("eshop", "E1") == left["client_id"]
    assert await shop.client_of("pos", "P1") != left["client_id"]


async def test_a_ticket_placed_while_its_client_is_merged_goes_to_the_one_that_is_left(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    odile = (await shop.profile("pos", "P1", given_name="Odile"))["client_id"]
    other = await shop.profile("eshop", "E1", given_name="Odile", cards=["ABC-1234"])
    real = presented._place_again

    async def merge_meanwhile(*given: Any, **named: Any) -> Any:
        moves = await real(*given, **named)
        monkeypatch.undo()
        assert (await shop.merge(odile, other["client_id"])).status_code == 200
        return moves

    # The lock of the card is what keeps the merge out; without it the check must notice.
    monkeypatch.setattr(Presentation, "locks", frozenset())
    monkeypatch.setattr(presented, "_place_again", merge_meanwhile)
    sold = sale(customer={"card": "ABC-1234"})
    answer = await shop.ticket(sold)

    assert answer["client_id"] == odile
    assert await shop.attached(sold) == (odile, "card")


async def test_a_ticket_that_finds_its_owner_while_its_neighbours_are_placed_keeps_the_owner(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = sale(token="par_tok_1", customer={"email": "odile.vasseur@mail.example"})
    await shop.ticket(sale(token="par_tok_1"))
    await shop.ticket(named)
    await shop.profile("pos", "P1", given_name="Basile")
    real = presented._place_again

    async def own_it_meanwhile(*given: Any, **options: Any) -> Any:
        moves = await real(*given, **options)
        monkeypatch.undo()
        await shop.profile("eshop", "E1", given_name="Odile", emails=ODILE["emails"])
        return moves

    async def lock_nothing(*_: Any) -> None:
        pass

    # The lock of the token is what keeps the owner out; without it the move must notice.
    monkeypatch.setattr(Presentation, "locks", frozenset())
    for module in ("presented", "holders"):
        monkeypatch.setattr(f"rcu.identity.{module}.lock_until_commit", lock_nothing)
    monkeypatch.setattr(presented, "_place_again", own_it_meanwhile)
    await shop.ticket(sale(token="par_tok_1", customer={"external_id": "P1"}))

    assert await shop.attached(named) == (await shop.client_of("eshop", "E1"), "email")


async def test_clients_merged_before_a_steward_has_locked_them_are_looked_at_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = [
        (await shop.profile("pos", f"P{n}", given_name=name))["client_id"]
        for n, name in enumerate(["Odile", "Basile", "Capucine"])
    ]

    async def merge_first(*given: Any) -> None:
        monkeypatch.undo()
        assert (await shop.merge(clients[0], clients[1])).status_code == 200
        await lock_until_commit(*given)

    monkeypatch.setattr("rcu.identity.turns.lock_until_commit", merge_first)
    answer = await shop.merge(clients[2], clients[1])

    assert (answer.status_code, answer.json()["client_ids"]) == (200, [clients[0]])
    assert await shop.clients() == 1


async def _partition(shop: Shop) -> set[frozenset[str]]:
    rows = await shop.rows(
        "SELECT array_agg(source || '/' || external_id) FROM source_record GROUP BY client_id"
    )
    return {frozenset(members) for (members,) in rows}
