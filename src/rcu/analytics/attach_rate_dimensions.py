"""What figures of the attach rate are told apart by."""

from __future__ import annotations

from enum import StrEnum


class Dimension(StrEnum):
    """A property of tickets to group by; the definitions say what each means."""

    STORE = "store"
    TILL = "till"
    CASHIER = "cashier"
    CHANNEL = "channel"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    HOUR = "hour"
    METHOD = "method"
    REASON = "reason"
    SALE_METHOD = "sale_method"
    SALE_REASON = "sale_reason"
