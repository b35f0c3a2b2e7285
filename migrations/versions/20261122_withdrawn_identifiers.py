"""Keep what a profile states no more as a claim of its record: an origin of its own.

A database from before has no withdrawn values: what its records had stated and given up by then is
not known any more but by the messages, and is claimed once they state it again. The previous
release goes on: it heeds such a row where it is of a token or a device, and nowhere else.

Revision ID: 20261122_withdrawn_identifiers
Revises: 20261122_order_step_records
"""

from __future__ import annotations

from alembic import op

revision = "20261122_withdrawn_identifiers"
down_revision = "20261122_order_step_records"
branch_labels = None
depends_on = None

_BEFORE = "origin IN ('profile', 'ticket')"
_NOW = "origin IN ('profile', 'withdrawn', 'ticket')"
_COMMENT_BEFORE = "profile, or ticket when a sale showed it"
_COMMENT = "profile; withdrawn when its profile states it no more; ticket when sales showed it"
_PROFILE_BEFORE = "attribute -> {value, occurred_at, message_id}: last writer wins, each"
_PROFILE = f"{_PROFILE_BEFORE}; of identifiers also `earlier`, what was stated once and is not now"


def upgrade() -> None:
    """Let an identifier be one that was withdrawn."""
    op.execute("SET LOCAL lock_timeout = '5s'")
    _say(_NOW, _COMMENT, _PROFILE)


def downgrade() -> None:
    """Forget the claims; the registers keep theirs, which the previous release leaves alone."""
    op.execute("DELETE FROM identifier WHERE origin = 'withdrawn'")
    _say(_BEFORE, _COMMENT_BEFORE, _PROFILE_BEFORE)


def _say(origins: str, comment: str, profile: str) -> None:
    op.drop_constraint(op.f("ck_identifier_origin"), "identifier", type_="check")
    op.create_check_constraint(op.f("ck_identifier_origin"), "identifier", origins)
    op.execute(f"COMMENT ON COLUMN identifier.origin IS '{comment}'")
    op.execute(f"COMMENT ON COLUMN source_record.profile IS '{profile}'")
