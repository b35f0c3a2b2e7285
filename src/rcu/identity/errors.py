"""Refusals of the identity engine."""

from uuid import UUID

from rcu.errors import RcuError


class ClientNotFoundError(RcuError):
    """No client ever had this id."""

    status = 404
    code = "client_not_found"

    def __init__(self, client_id: UUID) -> None:
        super().__init__(f"No client ever had the id {client_id}.")


class SameClientError(RcuError):
    """Both ids stand for one client already."""

    status = 409
    code = "same_client"

    def __init__(self, client_id: UUID) -> None:
        super().__init__(f"Both ids stand for the client {client_id} already.")


class RecordsNotOfClientError(RcuError):
    """Some records to split out are not with the client, or nobody would be left."""

    status = 409
    code = "records_not_of_client"

    def __init__(self, *, asked: int, found: int, members: int) -> None:
        super().__init__(
            f"{found} of the {asked} records named are with this client, which has {members}: "
            "name records of the client, and leave at least one."
        )


class AnonymousClientError(RcuError):
    """Nobody known is behind the client yet: it gathers tickets of a token or an identifier."""

    status = 409
    code = "anonymous_client"

    def __init__(self, client_id: UUID) -> None:
        super().__init__(
            f"The client {client_id} is anonymous: it has no profile that could be merged."
        )


class ClientChangedError(RcuError):
    """The client has changed since the operator looked at it."""

    status = 409
    code = "client_changed"

    def __init__(self, client_id: UUID, *, expected: int, current: int) -> None:
        super().__init__(
            f"The client {client_id} is at version {current}, not {expected}: look at it again.",
            extra={"current_version": current},
        )
