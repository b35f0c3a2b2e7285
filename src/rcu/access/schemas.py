"""Wire formats of sources."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from rcu.access.models import SOURCE_CODE_PATTERN, SourceKind

SourceCode = Annotated[str, StringConstraints(pattern=SOURCE_CODE_PATTERN)]


class SourceCreate(BaseModel):
    """A system that is to send messages."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: SourceCode = Field(description="Lasting short name, such as `pos` or `eshop_fr`.")
    name: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    kind: SourceKind


class SourceRead(BaseModel):
    """A system that sends messages."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    kind: SourceKind
    created_at: datetime


class SourceList(BaseModel):
    """All sources, by code."""

    sources: list[SourceRead]
