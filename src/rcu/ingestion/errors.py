"""Refusals of ingestion."""

from rcu.errors import RcuError


class MessageIdReusedError(RcuError):
    """The message id was used before, with another content."""

    status = 409
    code = "message_id_reused"

    def __init__(self, message_id: str) -> None:
        super().__init__(
            f"Message {message_id} was received before with another content; nothing was changed. "
            "Send a new content under a new message id."
        )


class TicketClashError(RcuError):
    """The ticket id or number was used before, with another content."""

    status = 409
    code = "ticket_clash"

    def __init__(self, ticket_id: str, recorded_id: str) -> None:
        if ticket_id == recorded_id:
            said = f"Ticket {ticket_id} was received before with another content"
        else:
            said = (
                f"Ticket {ticket_id} has the store, till, number and business date of ticket "
                f"{recorded_id}, which was received before"
            )
        super().__init__(f"{said}; nothing was changed.")


class UnknownSourceError(RcuError):
    """The source is not known."""

    status = 404
    code = "unknown_source"

    def __init__(self, code: str) -> None:
        super().__init__(f"No source has the code {code}: add it with `rcu sources add {code}`.")


class MessageNotAppliedError(RcuError):
    """One message could not be applied, through no fault of its neighbours."""

    status = 500
    code = "message_not_applied"

    def __init__(self) -> None:
        super().__init__("The message was not applied and nothing of it was kept; send it again.")
