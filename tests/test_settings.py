"""Settings that would only fail later, on every request, are refused at the start."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from rcu.settings import Settings

SECRET = "s3cret-word"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://rcu@localhost/rcu",
        f"postgres://rcu:{SECRET}@localhost:5432/rcu?sslmode=require",
        "postgresql+asyncpg:///rcu?host=/var/run/postgresql",
    ],
)
def test_addresses_of_postgresql_are_taken(url: str) -> None:
    assert Settings(_env_file=None, database_url=SecretStr(url)).database_url is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"database_url": "nonsense"},
        {"database_url": f"mysql://rcu:{SECRET}@localhost/rcu"},
        {"database_url": f"postgresql://rcu:{SECRET}@localhost:port/rcu"},
        {"default_timezone": "Mars/Olympus"},
        {"default_timezone": "../etc/passwd"},
        {"default_timezone": ""},
        {"default_region": "XX"},
        {"default_region": "fr"},
        {"merge_brake_window_minutes": "inf"},
        {"merge_brake_window_minutes": "1e12"},
        {"statement_timeout_seconds": "inf"},
        {"lock_timeout_seconds": "1e10"},
    ],
)
def test_what_cannot_work_is_refused_without_repeating_it(
    wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    [(name, value)] = wrong.items()
    monkeypatch.setenv(f"RCU_{name.upper()}", value)

    with pytest.raises(ValidationError) as refused:
        Settings(_env_file=None, **wrong)

    [failure] = refused.value.errors()
    assert failure["loc"] == (name,)
    assert SECRET not in str(refused.value)
