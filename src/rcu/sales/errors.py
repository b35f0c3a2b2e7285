"""Refusals of sales."""

from __future__ import annotations

from rcu.errors import RcuError


class StoreExistsError(RcuError):
    """A store with this code exists already and says something else."""

    status = 409
    code = "store_exists"

    def __init__(self, code: str) -> None:
        """Name the store code."""
        super().__init__(f"The store {code} exists already, with another name, place or time zone.")


class TicketNotFoundError(RcuError):
    """No ticket has this id."""

    status = 404
    code = "ticket_not_found"

    def __init__(self) -> None:
        super().__init__("No ticket has this id.")


class OrderNotFoundError(RcuError):
    """No order has this id."""

    status = 404
    code = "order_not_found"

    def __init__(self) -> None:
        super().__init__("No order has this id.")


class ClaimantNotKnownError(RcuError):
    """Who claims is not a known client of the source."""

    status = 404
    code = "claimant_not_known"

    def __init__(self) -> None:
        super().__init__(
            "The source has sent no profile of this external_id: a ticket is claimed by somebody "
            "known."
        )


class TicketNotClaimableError(RcuError):
    """No ticket that can be claimed has what was given. Whether a ticket exists is not told."""

    status = 404
    code = "ticket_not_claimable"

    def __init__(self) -> None:
        super().__init__(
            "No ticket that can be claimed has this store, till, number, date and total. "
            "Check them on the receipt."
        )


class ClaimTooLateError(RcuError):
    """The date on the receipt is too long ago, whatever the ticket."""

    status = 409
    code = "claim_too_late"

    def __init__(self, *, days: int) -> None:
        super().__init__(
            f"A ticket is claimed within {days} days of its date.", extra={"days": days}
        )


class ClaimLimitError(RcuError):
    """Too many claims in the last 24 hours, by the client or on the till."""

    status = 429
    code = "claim_limit"

    def __init__(self, *, limit: int, per: str, retry_after_seconds: int) -> None:
        super().__init__(
            f"No more than {limit} claims in 24 hours for one {per}.",
            extra={"limit": limit, "per": per},
            headers={"Retry-After": str(max(1, retry_after_seconds))},
        )


class VoidNotAttachedError(RcuError):
    """A void is nobody's sale: it follows the ticket that it cancels."""

    status = 409
    code = "void_not_attached"

    def __init__(self) -> None:
        super().__init__("A void follows the ticket that it cancels: attach that one.")


class SuggestionNotFoundError(RcuError):
    """No suggestion has this id."""

    status = 404
    code = "suggestion_not_found"

    def __init__(self) -> None:
        super().__init__("No suggestion has this id.")


class SuggestionDecidedError(RcuError):
    """The suggestion was decided on before, otherwise; or its ticket has found its client."""

    status = 409
    code = "suggestion_decided"

    def __init__(self) -> None:
        super().__init__(
            "The suggestion was decided on before, or its ticket has found its client meanwhile."
        )
