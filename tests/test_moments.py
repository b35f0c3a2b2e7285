"""Times as text and back: what is remembered of one is right for every other that equals it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from rcu.ingestion.messages import ProfileMessage
from rcu.moments import utc_moment, utc_text

offsets = st.integers(-12 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
moments = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1), timezones=offsets)  # noqa: DTZ001 - Hypothesis adds the zone


@given(moments)
def test_a_time_comes_back_from_its_text_in_utc(moment: datetime) -> None:
    found = utc_moment(utc_text(moment))

    assert found == moment
    assert found.isoformat() == utc_text(moment) == moment.astimezone(UTC).isoformat()


@given(moments)
def test_the_time_of_a_message_is_read_from_what_is_kept_of_it(moment: datetime) -> None:
    said = {"message_id": "m", "external_id": "e", "occurred_at": moment.isoformat()}
    message = ProfileMessage.model_validate(said)

    kept = message.model_dump(mode="json", exclude_unset=True)

    assert utc_moment(kept["occurred_at"]) == message.occurred_at == moment
