"""Countries and languages as files write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rcu.ingestion.files.codes import to_country, to_language
from rcu.ingestion.files.findings import first_findings
from rcu.ingestion.files.mapping import parse_mapping
from rcu.ingestion.files.plan import Options, Plan, make_plan
from rcu.ingestion.files.reading import Row, Sample
from rcu.ingestion.messages import ProfileMessage

SOURCES = frozenset({"pos"})


def sample_of(*cells: tuple[str, str]) -> Sample:
    rows = (
        Row(n + 1, {"id": str(n), "city": "Riga", "country": country, "lang": language}, number=n)
        for n, (country, language) in enumerate(cells, start=1)
    )
    return Sample(("id", "city", "country", "lang"), tuple(rows))


def plan_of(sample: Sample) -> Plan:
    options = Options(file_time=datetime(2025, 6, 1, tzinfo=UTC), source="pos")
    return make_plan(sample, parse_mapping("type: profiles"), options, SOURCES)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("LV", "LV"),
        (" lv ", "LV"),
        ("LVA", "LV"),
        ("Latvia", "LV"),
        ("Lettland", "LV"),
        ("LETTONIE", "LV"),
        ("Россия", "RU"),
        ("Côte d'Ivoire", "CI"),
        ("U.S.A.", "US"),
        ("uk", "GB"),
        ("The Netherlands", "NL"),
        ("Atlantis", None),
        ("Л", None),
        ("", None),
    ],
)
def test_a_country_is_known_by_its_codes_and_by_its_names(text: str, code: str | None) -> None:
    assert to_country(text) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [("fr", "fr"), ("FR", "fr"), ("pt_br", "pt-BR"), ("de-AT", "de-AT"), ("1", None)],
)
def test_a_language_is_known_however_it_is_cased(text: str, code: str | None) -> None:
    assert to_language(text) == code


def test_a_country_or_language_that_is_none_does_not_cost_its_row() -> None:
    sample = sample_of(("Latvia", "LV"), ("somewhere", "mother tongue"))
    plan = plan_of(sample)

    messages = [plan.mapper.message(row.cells) for row in sample.rows]

    said = [
        (message.addresses[0].country, message.language)
        for message in messages
        if isinstance(message, ProfileMessage) and message.addresses
    ]
    assert said == [("LV", "lv"), (None, None)]


def test_countries_and_languages_that_are_none_are_told_before_the_import() -> None:
    sample = sample_of(("Latvia", "LV"), ("somewhere", "mother tongue"), ("", ""))

    told = "\n".join(first_findings(sample, plan_of(sample), SOURCES, region="LV"))

    assert "address.country (country): 1 of 3 rows hold a text that is no country." in told
    assert "language (lang): 1 of 3 rows hold a text that is no language." in told
    assert "somewhere" not in told
