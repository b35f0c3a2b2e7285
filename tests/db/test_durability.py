"""A server that may lose acknowledged work is refused, unless that is allowed knowingly."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from rcu.db.embedded import EmbeddedServer
from rcu.db.errors import UnsafeDurabilityError
from rcu.db.opening import open_database
from rcu.settings import Settings

UNSAFE = [{"fsync": "off"}, {"full_page_writes": "off"}, {"synchronous_commit": "off"}]


def settings_for(server: EmbeddedServer, *, allowed: bool) -> Settings:
    """Return settings that name a running server by its address."""
    url = SecretStr(server.url().render_as_string(hide_password=False))
    return Settings(_env_file=None, database_url=url, allow_unsafe_durability=allowed)


@pytest.mark.parametrize("overrides", UNSAFE, ids=lambda overrides: next(iter(overrides)))
async def test_a_server_that_may_lose_work_is_refused(
    tmp_path: Path, overrides: dict[str, str]
) -> None:
    with EmbeddedServer(tmp_path / "var", overrides=overrides) as server:
        with pytest.raises(UnsafeDurabilityError, match=next(iter(overrides))) as refusal:
            async with open_database(settings_for(server, allowed=False)):
                pass
        assert "RCU_ALLOW_UNSAFE_DURABILITY=true" in str(refusal.value)

        async with open_database(settings_for(server, allowed=True)) as database:
            assert database.pool_use().in_use == 0


async def test_the_embedded_server_of_the_settings_is_durable_and_let_go(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path / "var", database_url=None)

    async with open_database(settings):
        assert EmbeddedServer(settings.data_dir).is_accepting()

    assert not EmbeddedServer(settings.data_dir).is_accepting()
