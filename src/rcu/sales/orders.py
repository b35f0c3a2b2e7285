"""Recording the life of web orders, step by step, in whatever order the steps arrive."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from rcu.db.statements import fetch
from rcu.identity.holding import find_holdings
from rcu.identity.placing import NAMING
from rcu.identity.repository import RecordKey
from rcu.ids import uuid7
from rcu.sales import repository
from rcu.sales.attachment import attachment
from rcu.sales.clauses import names_nobody
from rcu.sales.crediting import credit_order
from rcu.sales.facts import (
    Attached,
    NewOrder,
    Outcome,
    Waiting,
    waiting_for_order,
    waiting_for_store,
)
from rcu.sales.models import OrderStep
from rcu.sales.recording import Recording
from rcu.sales.references import References
from rcu.sales.rehanging import ORDER, Rehang, lock_tickets, rehang
from rcu.sales.repository import KnownOrder

PLACED = "placed"

_LIFE = ("placed", "paid", "shipped", "ready_for_pickup", "picked_up", "cancelled", "returned")
"""What comes first of two steps that a shop tells as of the same instant."""


async def record_orders(
    recording: Recording,
    steps: Sequence[NewOrder],
    *,
    refs: References,
    stores: Collection[str],
) -> list[Outcome]:
    """Record steps in the life of orders and return what became of each.

    A step of an order that is not placed yet waits for it. The state of an order is that of
    the step that occurred last, not of the one that arrived last; so is whose it is.
    """
    placed_here = [step for step in steps if _may_be_placed(step, refs, stores)]
    for step in placed_here:
        await _place(recording, step, refs)
    orders = [_judge(step, refs, stores) for step in steps]
    ready = [
        (step, order)
        for step, order in zip(steps, orders, strict=True)
        if isinstance(order, KnownOrder)
    ]
    records = (await recording.place(step.presentation for step, _ in ready)).records
    await repository.add_order_steps(
        recording.session, [_step(step, order, records) for step, order in ready]
    )
    advanced = await _advance(recording, {order.id: order for _, order in ready}, refs)
    holdings = await find_holdings(
        recording.session, {order.record_id for order in advanced.values() if order.record_id}
    )
    outcomes: list[Outcome] = []
    for judged in orders:
        if isinstance(judged, Waiting):
            outcomes.append(judged)
            continue
        order = advanced[judged.id]
        found = attachment(
            holdings.get(order.record_id) if order.record_id else None, link="identifiers"
        )
        outcomes.append(
            Attached(
                fact_id=order.id,
                name=order.order_id,
                already=False,
                client_id=found.client_id if found else None,
                method=found.method if found else None,
                status=order.status,
            )
        )
    return outcomes


def _may_be_placed(step: NewOrder, refs: References, stores: Collection[str]) -> bool:
    store = step.stated.get("store")
    return (
        step.status == PLACED
        and refs.own_order(step.source, step.order_id) is None
        and (store is None or store in stores)
    )


def _judge(step: NewOrder, refs: References, stores: Collection[str]) -> KnownOrder | Waiting:
    store = step.stated.get("store")
    if store is not None and store not in stores:
        return Waiting(
            "unknown_store", waiting_for_store(store), f"The store {store} is not known."
        )
    order = refs.own_order(step.source, step.order_id)
    if order is None:
        return Waiting(
            "unknown_order", waiting_for_order(step.order_id), "The order is not placed yet."
        )
    return order


async def _place(recording: Recording, step: NewOrder, refs: References) -> None:
    """Make the order, unless the same batch has placed it already; its steps say whose it is."""
    if refs.own_order(step.source, step.order_id) is not None:
        return
    sellers = step.stated.get("sellers") or []
    # Its steps make it known whose it is and who sold it: what came before it learns of both then.
    order = KnownOrder(uuid7(), step.source, step.order_id, step.status, None)
    refs.know_order(order)
    await repository.add_orders(
        recording.session,
        [
            {
                "id": order.id,
                "source": order.source,
                "order_id": order.order_id,
                "status": order.status,
                "placed_at": step.occurred_at,
                "changed_at": step.occurred_at,
                "received_at": recording.at,
                "channel": step.channel,
                "currency": step.stated["currency"],
                "total_cents": step.stated["total_cents"],
                "lines": step.stated.get("lines") or [],
                "payments": step.stated.get("payments") or [],
                "store": step.stated.get("store"),
                "fulfilment": step.stated.get("fulfilment"),
                "record_id": None,
                "sellers": sellers,
            }
        ],
    )


# A ticket that names a person, or that a person has decided on, stays where it is; so does one
# that returns another: the ticket it returns comes first. One of the order's own source may have
# hung on the order of another source, while that was the only one of this name.
_TICKETS_OF_ORDER = f"""
    SELECT t.id, t.original_id
    FROM ticket t LEFT JOIN source_record r ON r.id = t.record_id
    WHERE t.order_id = $1 AND (
        (t.link = 'order' AND (t.record_id = $4 OR t.source = $2))
        OR (
            (t.source = $2 OR NOT EXISTS (
                SELECT FROM sales_order other
                WHERE other.order_id = $1 AND other.source <> $2
            ))
            AND (t.link = 'none' OR {names_nobody("t.link", "$3")})
        )
    )
"""  # noqa: S608 - a constant


async def _hang_tickets(
    recording: Recording, order: KnownOrder, before: UUID | None, refs: References
) -> None:
    """Hang the tickets that the order brings along on the record that it has come to.

    Those that came before it, and those that hang on the record that it had `before`.
    """
    asked = (order.order_id, order.source, sorted(NAMING), before)
    rows = await fetch(recording.session, _TICKETS_OF_ORDER, *asked)
    if not rows:
        return
    await lock_tickets(recording.session, [row["id"] for row in rows])
    # As they hang now that nobody else can move them: a person may have decided meanwhile.
    rows = await fetch(recording.session, _TICKETS_OF_ORDER, *asked)
    # What brings one of them back goes with it.
    found, evidence = {row["id"] for row in rows}, {"order_id": str(order.id)}
    rehung = await rehang(
        recording.session,
        [
            Rehang(row["id"], ORDER, order.record_id, evidence)
            for row in rows
            if row["original_id"] not in found
        ],
        actor=recording.cause.actor,
        at=recording.at,
    )
    refs.know_rehung(rehung)
    recording.rehung += rehung


def _step(step: NewOrder, order: KnownOrder, records: Mapping[RecordKey, UUID]) -> dict[str, Any]:
    presentation = step.presentation
    return {
        "id": uuid7(),
        "order_id": order.id,
        "status": step.status,
        "occurred_at": step.occurred_at,
        "message_id": step.message_id,
        "stated": dict(step.stated),
        "record_id": records[presentation.key] if presentation else None,
        "names_a_person": presentation is not None and presentation.names_a_person,
    }


async def _advance(
    recording: Recording, orders: Mapping[UUID, KnownOrder], refs: References
) -> dict[UUID, KnownOrder]:
    """Bring orders to the state that their steps make, and their tickets along; return them."""
    advanced: dict[UUID, KnownOrder] = {}
    if not orders:
        return advanced
    told = await repository.list_order_steps(recording.session, orders)
    for order_id, steps in told.items():
        steps.sort(key=_when)
        state, before = state_of(steps), orders[order_id]
        await repository.update_order(recording.session, order_id, state)
        order = advanced[order_id] = replace(
            before,
            status=state["status"],
            record_id=state["record_id"],
            sellers=state.get("sellers", before.sellers),
        )
        refs.know_order(order)
        if order.record_id not in {before.record_id, None}:
            await _hang_tickets(recording, order, before.record_id, refs)
        if order.sellers != before.sellers:
            refs.know_credits(await credit_order(recording.session, order))
    return advanced


def _when(step: OrderStep) -> tuple[datetime, int, str]:
    """Return what puts steps in order, whatever the order of their arrival."""
    return step.occurred_at, _LIFE.index(step.status), step.message_id


def state_of(steps: Sequence[OrderStep]) -> Mapping[str, Any]:
    """Return the columns of an order after its steps, given in the order they occurred.

    For each thing that steps state of the order, the last one to state it is right. The order is
    whose the last step says that names a person, or else of the last that shows a token.
    """
    state: dict[str, Any] = {}
    for step in steps:
        state |= {name: value for name, value in step.stated.items() if value is not None}
    placed: list[datetime] = [step.occurred_at for step in steps if step.status == PLACED]
    if placed:
        state["placed_at"] = placed[0]
    shown = [step for step in steps if step.record_id is not None]
    named = [step for step in shown if step.names_a_person]
    return state | {
        "status": steps[-1].status,
        "changed_at": steps[-1].occurred_at,
        "record_id": (named or shown)[-1].record_id if shown else None,
    }
