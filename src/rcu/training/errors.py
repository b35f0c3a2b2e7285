"""What training refuses."""

from __future__ import annotations

from rcu.errors import RcuError


class TrainingExtraMissingError(RcuError):
    """Training needs packages that the service itself does without."""

    code = "training_extra_missing"

    def __init__(self) -> None:
        super().__init__("Training needs Splink and DuckDB: pip install 'rcu[train]'.")


class TooFewRecordsError(RcuError):
    """There is nothing to learn from."""

    code = "too_few_records"

    def __init__(self, *, records: int, needed: int) -> None:
        super().__init__(f"{records} records are too few to train on: at least {needed} needed.")
