"""Settings of the service, read from the environment (prefix `RCU_`) and from a `.env` file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, SecretStr, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict

_POSTGRESQL: Final = re.compile(r"postgres(ql)?(\+[a-z0-9_]+)?://", re.ASCII)


def _is_postgresql(url: SecretStr) -> SecretStr:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    text = url.get_secret_value()
    try:
        make_url(text)
    except (ArgumentError, ValueError):
        text = ""
    if not _POSTGRESQL.match(text):
        raise ValueError("not an address such as postgresql://user:password@host:5432/name")
    return url


def _has_phone_numbers(region: str) -> str:
    from phonenumbers import SUPPORTED_REGIONS

    if region not in SUPPORTED_REGIONS:
        raise ValueError("no country whose phone numbers are known")
    return region


def _is_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no IANA time zone such as Europe/Paris") from None
    return name


DAY = 86_400.0
"""In seconds: nobody waits longer."""
YEAR = 366 * 24 * 60.0
"""In minutes: nobody counts further back."""

Region = Annotated[
    str, StringConstraints(pattern=r"^[A-Z]{2}$"), AfterValidator(_has_phone_numbers)
]
"""An ISO 3166-1 alpha-2 code of a country or territory, in capitals."""


class Settings(BaseSettings):
    """Everything that an operator may set; each field is the variable `RCU_<FIELD>`.

    The defaults start a complete service on one machine: an embedded PostgreSQL under
    `./var`, listening on the loopback interface only.
    """

    model_config = SettingsConfigDict(
        env_prefix="RCU_",
        env_file=".env",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        extra="ignore",
        frozen=True,
    )

    data_dir: Path = Field(
        default=Path("var"),
        description="Folder of everything the service keeps on disk, the embedded database too.",
    )
    database_url: Annotated[SecretStr, AfterValidator(_is_postgresql)] | None = Field(
        default=None,
        description="Any PostgreSQL 16 or newer, postgresql://user:password@host/name. "
        "Without it, an embedded PostgreSQL under the data folder.",
    )
    pool_size: int = Field(
        default=15, ge=1, le=500, description="Connections kept open by each process."
    )
    pool_overflow: int = Field(
        default=0, ge=0, le=500, description="Connections opened above the pool size at a peak."
    )
    pool_timeout_seconds: float = Field(
        default=5.0, gt=0, le=DAY, description="Longest wait for a free connection before a 503."
    )
    statement_timeout_seconds: float = Field(
        default=30.0, ge=0, le=DAY, description="Longest run of one statement; 0 is without limit."
    )
    lock_timeout_seconds: float = Field(
        default=10.0, ge=0, le=DAY, description="Longest wait for one lock; 0 is without limit."
    )
    allow_unsafe_durability: bool = Field(
        default=False,
        description="Serve although fsync, full_page_writes or synchronous_commit is off: "
        "what was acknowledged may then be lost with the machine's power.",
    )

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port to listen on.")
    shutdown_timeout_seconds: int = Field(
        default=30, ge=0, description="Longest wait for requests under way at shutdown."
    )

    default_region: Region = Field(
        default="FR", description="Country of the phone numbers written without one."
    )

    default_timezone: Annotated[str, AfterValidator(_is_time_zone)] = Field(
        default="Europe/Paris", description="Business day of sales that name no store."
    )

    claim_days: int = Field(
        default=30, ge=0, le=3650, description="How long after its date a ticket can be claimed."
    )
    claims_per_client: int = Field(
        default=5, ge=1, description="Tries of one client to claim tickets, in 24 hours."
    )
    claims_per_till: int = Field(
        default=50, ge=1, description="Tries to claim tickets of one till, in 24 hours."
    )

    merge_brake_window_minutes: float = Field(
        default=60.0, gt=0, le=YEAR, description="Time over which the merge brake counts merges."
    )
    merge_brake_identifier_merges: int = Field(
        default=10,
        ge=1,
        description="Clients that one e-mail, phone or card may bring into others in that time.",
    )
    merge_brake_source_merges: int = Field(
        default=100,
        ge=1,
        description="Clients that the profiles of one source may bring into others in that time, "
        "however few profiles are new.",
    )
    merge_brake_source_share: float = Field(
        default=0.2,
        gt=0,
        description="And this share of the profiles that the source sent for the first time in "
        "that time, where that is more: so a first load does not trip it.",
    )

    max_body_bytes: int = Field(
        default=1_048_576, ge=1024, description="Largest request body, after decompression."
    )
    max_json_depth: int = Field(
        default=12, ge=2, le=200, description="Deepest nesting of a JSON body."
    )
    max_json_keys: int = Field(
        default=50_000, ge=16, description="Most object members in a JSON body."
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe log line that is written."
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="Lines for machines (json) or for people (console)."
    )
