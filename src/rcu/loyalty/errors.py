"""Refusals of the points programme. They hold ids and points, no personal data."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from rcu.errors import RcuError
from rcu.loyalty.referrals import ReferralRefusal


class NoProgrammeError(RcuError):
    """No points programme is in force."""

    status = 409
    code = "no_programme"

    def __init__(self) -> None:
        super().__init__(
            "No points programme is in force on this day: `rcu programme activate` puts one."
        )


class ProgrammeVersionTakenError(RcuError):
    """The version of the programme stands for other rules already."""

    status = 409
    code = "programme_version_taken"

    def __init__(self, version: str) -> None:
        super().__init__(
            f"Version {version} was kept before with other rules: give the new ones a new version."
        )


class ProgrammeInvalidError(RcuError):
    """The document is no valid programme; the message says where and why."""

    status = 422
    code = "programme_invalid"


class SpenderNotFoundError(RcuError):
    """Nobody known is behind the record or the card that was named."""

    status = 404
    code = "spender_not_found"

    def __init__(self) -> None:
        super().__init__(
            "Nobody known stands behind what was presented: a record of the calling source, a "
            "loyalty card or a scan of the app."
        )


class SpenderAmbiguousError(RcuError):
    """More than one client holds the card that was presented."""

    status = 409
    code = "spender_ambiguous"

    def __init__(self, clients: int) -> None:
        super().__init__(
            f"{clients} clients hold what was presented: a steward has to say whose it is."
        )


class InsufficientPointsError(RcuError):
    """There are fewer points to spend than were asked for."""

    status = 409
    code = "insufficient_points"

    def __init__(self, *, requested: int, available: int, unverified: int = 0) -> None:
        super().__init__(
            f"{requested} points requested, {available} available"
            + (f" ({unverified} more over links that nobody has verified)." if unverified else "."),
            extra={"requested": requested, "available": available, "unverified": unverified},
        )


class RequestIdReusedError(RcuError):
    """The message id was used before for another request."""

    status = 409
    code = "request_id_reused"

    def __init__(self, message_id: str) -> None:
        super().__init__(
            f"Request {message_id} was answered before with another content; nothing was changed."
        )


class RewardNotFoundError(RcuError):
    """The catalogue has no such reward."""

    status = 404
    code = "reward_not_found"

    def __init__(self, code: str) -> None:
        super().__init__(f"The programme has no reward {code}.")


class AmountNotSpendableError(RcuError):
    """The programme does not allow free amounts: only rewards of its catalogue."""

    status = 409
    code = "free_amount_not_allowed"

    def __init__(self) -> None:
        super().__init__("The programme spends points on the rewards of its catalogue only.")


class HoldNotFoundError(RcuError):
    """No hold of this caller has the id."""

    status = 404
    code = "hold_not_found"

    def __init__(self, hold_id: UUID) -> None:
        super().__init__(f"No hold {hold_id} was made with this key's source.")


class HoldClosedError(RcuError):
    """The hold has ended: captured, voided, or expired."""

    status = 409
    code = "hold_closed"

    def __init__(self, hold_id: UUID, status: str) -> None:
        super().__init__(f"Hold {hold_id} has ended: it is {status}.")


class CaptureTooLargeError(RcuError):
    """More points were asked for than the hold reserves."""

    status = 409
    code = "capture_too_large"

    def __init__(self, *, requested: int, held: int) -> None:
        super().__init__(f"{requested} points requested, {held} are held.")


class RecordNotFoundError(RcuError):
    """No source record has this name."""

    status = 404
    code = "record_not_found"

    def __init__(self) -> None:
        super().__init__("The source has no such record.")


class AdjustmentNotFoundError(RcuError):
    """No adjustment has the id."""

    status = 404
    code = "adjustment_not_found"

    def __init__(self, adjustment_id: UUID) -> None:
        super().__init__(f"There is no adjustment {adjustment_id}.")


class AdjustmentDecidedError(RcuError):
    """Somebody has decided the adjustment already, otherwise."""

    status = 409
    code = "adjustment_decided"

    def __init__(self, adjustment_id: UUID, status: str) -> None:
        super().__init__(f"Adjustment {adjustment_id} is {status} already.")


class FourEyesError(RcuError):
    """Who proposed an adjustment cannot approve it, with whatever key."""

    status = 403
    code = "four_eyes"

    def __init__(self) -> None:
        super().__init__("Somebody else than who proposed the adjustment has to decide it.")


class ReferralsNotOfferedError(RcuError):
    """The programme pays no referrals."""

    status = 409
    code = "referrals_not_offered"

    def __init__(self) -> None:
        super().__init__("The programme in force pays nothing for bringing somebody.")


class ReferralCodeNotFoundError(RcuError):
    """No client has the code."""

    status = 404
    code = "referral_code_not_found"

    def __init__(self) -> None:
        super().__init__("No client has this referral code.")


class ReferralRefusedError(RcuError):
    """One client cannot be brought by the other; `reason` says why."""

    status = 409
    code = "referral_refused"

    def __init__(self, reason: ReferralRefusal) -> None:
        super().__init__(
            f"The referral is not taken: {_REFUSALS[reason]}.", extra={"reason": reason}
        )


class TransferRefusedError(RcuError):
    """Points cannot be given to this client; `reason` says why."""

    status = 409
    code = "transfer_refused"

    def __init__(self, reason: TransferRefusal, *, left: int | None = None) -> None:
        super().__init__(
            f"The points are not given: {_TRANSFER_REFUSALS[reason]}.",
            extra={"reason": reason} | ({} if left is None else {"left": left}),
        )


class TransferRefusal(StrEnum):
    """Why points are not given to somebody."""

    NOT_ALLOWED = "not_allowed"
    SAME_CLIENT = "same_client"
    NOT_ONE_HOUSEHOLD = "not_one_household"
    TOO_FEW = "too_few"
    LIMIT_REACHED = "limit_reached"


_TRANSFER_REFUSALS = {
    TransferRefusal.NOT_ALLOWED: "the programme in force lets nobody give points away",
    TransferRefusal.SAME_CLIENT: "both are one client, who has them already",
    TransferRefusal.NOT_ONE_HOUSEHOLD: "the accounts of the two do not state one postal address",
    TransferRefusal.TOO_FEW: "they are fewer than the programme lets one give at a time",
    TransferRefusal.LIMIT_REACHED: "they are more than the programme lets one give in the period",
}

_REFUSALS = {
    ReferralRefusal.SAME_CLIENT: "both are one client",
    ReferralRefusal.SHARED_IDENTIFIERS: "both hold what one person should hold alone",
    ReferralRefusal.ALREADY_REFERRED: "a referrer was named before, and stays",
    ReferralRefusal.BOUGHT_BEFORE: "the client has bought already",
    ReferralRefusal.CYCLE: "the referrer was brought by this client, or by whom it brought",
    ReferralRefusal.LIMIT_REACHED: "the referrer has brought as many as the programme pays for",
}
