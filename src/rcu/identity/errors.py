"""Refusals of the identity engine."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from rcu.errors import FieldError, RcuError


class ClientNotFoundError(RcuError):
    """No client has, or ever had, this id."""

    status = 404
    code = "client_not_found"

    def __init__(self, client_id: UUID) -> None:
        super().__init__(f"No client has, or ever had, the id {client_id}.")


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


class IdentifierChangedError(RcuError):
    """The status of the identifier was told anew since the steward looked at it."""

    status = 409
    code = "identifier_changed"

    def __init__(self, *, expected: int, current: int) -> None:
        super().__init__(
            f"The identifier is at version {current}, not {expected}: look at it again.",
            extra={"current_version": current},
        )


class NotAnIdentifierError(RcuError):
    """The value is no identifier of its kind: not well-formed, or a placeholder."""

    status = 422
    code = "not_an_identifier"

    def __init__(self, kind: str) -> None:
        super().__init__(
            f"The value is no {kind} that could designate somebody: not well-formed, or a filler.",
            errors=[
                FieldError(
                    field="/value", reason="Not an identifier", code=self.code, location="body"
                )
            ],
        )


class BrakeNotFoundError(RcuError):
    """No merge brake has this id."""

    status = 404
    code = "brake_not_found"

    def __init__(self, brake_id: UUID) -> None:
        super().__init__(f"No merge brake has the id {brake_id}.")


class BrakeReleasedError(RcuError):
    """The merge brake is off already."""

    status = 409
    code = "brake_released"

    def __init__(self, brake_id: UUID) -> None:
        super().__init__(f"The merge brake {brake_id} is released already.")


class NothingMergedError(RcuError):
    """Nothing that the brake is about is still merged: it was undone, or judged."""

    status = 409
    code = "nothing_merged"

    def __init__(self, brake_id: UUID) -> None:
        super().__init__(
            f"Nothing that the merge brake {brake_id} is about is still merged without a judgement."
        )


class ChangeNotFoundError(RcuError):
    """No identity change and no decision has this id."""

    status = 404
    code = "change_not_found"

    def __init__(self, change_id: UUID) -> None:
        super().__init__(f"No identity change and no decision has the id {change_id}.")


class AlreadyUndoneError(RcuError):
    """The change is undone already."""

    status = 409
    code = "already_undone"

    def __init__(self, change_id: UUID, *, by: UUID) -> None:
        super().__init__(
            f"{change_id} is undone already, by the decision {by}: undo that one to have it back.",
            extra={"undone_by": str(by)},
        )


class PlacedByRuleError(RcuError):
    """No profile changed its client: facts follow who holds their identifiers, by rule."""

    status = 409
    code = "placed_by_rule"

    def __init__(self, change_id: UUID) -> None:
        super().__init__(
            f"The change {change_id} parted or joined no two profiles: it follows from who holds "
            "which identifier, and ends when that does."
        )


class ReviewNotFoundError(RcuError):
    """No two profile records make this pair."""

    status = 404
    code = "review_not_found"

    def __init__(self) -> None:
        # What was asked for is any text, and is not repeated.
        super().__init__("No two profile records make a review of that id.")


class ReviewChangedError(RcuError):
    """The pair, its clients, or what was said of it has changed since the steward looked."""

    status = 409
    code = "review_changed"

    def __init__(self, review_id: str, *, current: Mapping[str, Any]) -> None:
        super().__init__(
            f"The review {review_id} is no longer as it was seen: look at it again.",
            extra={"current": current},
        )


class DecisionIdReusedError(RcuError):
    """The message id was used before, for another request."""

    status = 409
    code = "message_id_reused"

    def __init__(self, message_id: str) -> None:
        super().__init__(
            f"Message {message_id} was received before with another content; nothing was changed. "
            "Send a new content under a new message id."
        )


class RecordNotFoundError(RcuError):
    """The source has no such record."""

    status = 404
    code = "record_not_found"

    def __init__(self) -> None:
        # What was asked for is any text, and at some sources an e-mail: it is not repeated.
        super().__init__("There is no record of that source and id.")


class NothingToCompareError(RcuError):
    """Both sides are the same record, or the client has no profile record but this one."""

    status = 409
    code = "nothing_to_compare"

    def __init__(self) -> None:
        super().__init__("There is nothing to compare: name two different profile records.")


class NotPlacedByMatchingError(RcuError):
    """The record has no profile: it is with its client by a rule, not by match weights."""

    status = 409
    code = "not_placed_by_matching"

    def __init__(self, *, kind: str, placement: str) -> None:
        super().__init__(
            "The record has no profile to compare; it is with its client by a rule.",
            extra={"record_kind": kind, "placement": placement},
        )


class TogetherAlreadyError(RcuError):
    """Both sides are one client: ask why, or how, not why not."""

    status = 409
    code = "together_already"

    def __init__(self, client_id: UUID) -> None:
        super().__init__(f"Both sides are the client {client_id}: ask why they are together.")


class TooManyRecordsError(RcuError):
    """More records are tied together than one request may compare."""

    status = 409
    code = "too_many_records"

    def __init__(self, *, found: int, most: int) -> None:
        super().__init__(
            f"{found} records are tied together, and one request compares at most {most}: "
            "use the command line."
        )


class ModelVersionNotFoundError(RcuError):
    """No model is kept under this version."""

    status = 404
    code = "model_version_not_found"

    def __init__(self, version: str) -> None:
        super().__init__(f"No model is kept under the version {version}.")


class ModelVersionTakenError(RcuError):
    """The version stands for another document already."""

    status = 409
    code = "model_version_taken"

    def __init__(self, version: str) -> None:
        super().__init__(
            f"The version {version} stands for another document already: give this one another."
        )


class ModelVersionNameError(RcuError):
    """The version of the document cannot stand in an address."""

    status = 422
    code = "model_version_name"

    def __init__(self) -> None:
        super().__init__(
            "version: at most 64 letters, digits, dots, hyphens, underscores and plus signs, the "
            "first a letter or a digit."
        )


class ModelActiveAlreadyError(RcuError):
    """The version decides already."""

    status = 409
    code = "model_active_already"

    def __init__(self, version: str) -> None:
        super().__init__(f"The model {version} is active already.")


class NothingToRevertError(RcuError):
    """No activation is left that could be taken back."""

    status = 409
    code = "nothing_to_revert"

    def __init__(self) -> None:
        super().__init__("No activation is left that could be taken back.")


class ActivationNotFoundError(RcuError):
    """No activation has this number."""

    status = 404
    code = "activation_not_found"

    def __init__(self, number: int) -> None:
        super().__init__(f"No activation has the number {number}.")


class ModelReplacedError(RcuError):
    """Another model was activated while the work with this one was under way."""

    status = 409
    code = "model_replaced"

    def __init__(self, version: str) -> None:
        super().__init__(
            f"Another model than {version} was activated meanwhile: what is left is for that one."
        )
