"""Evaluation of tickets: figures small enough to count by hand."""

from rcu.ticket_evaluation import (
    AttachedTicket,
    TicketFigures,
    TrueTicket,
    evaluate_tickets,
    majority,
)

TRUTH = {
    "t1": TrueTicket("A", "card"),
    "t2": TrueTicket("B", "card"),
    "t3": TrueTicket("B", "card"),
    "t4": TrueTicket("A", "none"),
    "t5": TrueTicket("B", "none"),
}
ATTACHED = {
    "t1": AttachedTicket("x", "card"),
    "t2": AttachedTicket("x", "payment_token"),
    "t5": AttachedTicket("nobody in truth", "email"),
    "unknown": AttachedTicket("x", "card"),
}


def test_tickets_are_counted_by_tag_then_over_the_attachable_ones_then_over_all() -> None:
    figures = evaluate_tickets(ATTACHED, TRUTH, {"x": "A", "y": "B"}, attachable=["card"])

    assert figures == [
        TicketFigures("card", 3, 2, 1, {"card": 1, "payment_token": 1}),
        TicketFigures("none", 2, 1, 0, {"email": 1}),
        TicketFigures("attachable", 3, 2, 1, {"card": 1, "payment_token": 1}),
        TicketFigures("all", 5, 3, 1, {"card": 1, "email": 1, "payment_token": 1}),
    ]
    assert (figures[0].wrong, figures[0].attached_share, figures[0].right_share) == (1, 2 / 3, 0.5)


def test_nothing_to_measure_is_right() -> None:
    [attachable, everything] = evaluate_tickets({}, {}, {}, attachable=["card"])

    assert (attachable.tickets, attachable.attached_share) == (0, 1.0)
    assert (everything.tickets, everything.right_share) == (0, 1.0)


def test_a_client_is_the_person_of_whom_most_of_its_records_are() -> None:
    pairs = [("x", "B"), ("x", "A"), ("x", "A"), ("y", "B"), ("tie", "B"), ("tie", "A")]

    assert majority(pairs) == {"x": "A", "y": "B", "tie": "A"}
