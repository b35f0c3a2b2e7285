"""The mapping file: how the columns of a file become the fields of messages."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from rcu.ingestion.files.errors import MappingRefusedError
from rcu.ingestion.files.full_names import NameOrder
from rcu.ingestion.files.values import DateOrder
from rcu.ingestion.messages import MessageType
from rcu.spelling import nearest

PLURALS = {
    "profiles": MessageType.PROFILE,
    "tickets": MessageType.TICKET,
    "orders": MessageType.ORDER,
    "events": MessageType.EVENT,
    "consents": MessageType.CONSENT,
}
"""How the command line and mapping files call the types."""


class MappingModel(BaseModel):
    """A part of a mapping file: unknown keys are refused, so that a misspelt one is not lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Part(MappingModel):
    """Where a value comes from, and how it is read."""

    column: str | None = Field(default=None, description="The column that holds it.")
    columns: list[str] | None = Field(
        default=None, description="Columns joined into one text; empty ones are left out."
    )
    constant: str | None = Field(default=None, description="The same value for every row.")
    row_number: Literal[True] | None = Field(
        default=None, description="The place of the row in the file, for a file without ids."
    )
    join: str = Field(default=" ", description="What stands between joined columns.")
    split: str | None = Field(
        default=None, description="Characters between several values in one cell, such as `;`."
    )
    format: str | None = Field(
        default=None,
        description="Form of a date or time: %d/%m/%Y and the like, excel, epoch or epoch_ms.",
    )
    unit: Literal["cents", "euros"] = Field(
        default="cents", description="Unit of an amount; `euros` is any currency's main unit."
    )
    order: NameOrder = Field(
        default=NameOrder.GIVEN_FIRST,
        description="What a full name begins with: given_first or family_first.",
    )
    values: dict[str, str] = Field(
        default={}, description="Texts to replace; to nothing means empty."
    )
    default: str | None = Field(default=None, description="The value of an empty cell.")
    verified: bool | str = Field(
        default=False, description="Whether an identifier is verified, or the column that says so."
    )
    verified_at: str | None = Field(default=None, description="The column that says since when.")

    @field_validator("verified", "row_number", mode="before")
    @classmethod
    def _read_boolean(cls, value: Any) -> Any:
        return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        origins = (self.column, self.columns, self.constant, self.row_number)
        if sum(origin is not None for origin in origins) != 1:
            raise ValueError("say one of column, columns, constant and row_number")
        return self

    def column_names(self) -> list[str]:
        """Return every column that this part reads."""
        named = [self.column, *(self.columns or []), self.verified_at]
        if isinstance(self.verified, str):
            named.append(self.verified)
        return [name for name in named if name is not None]


def _as_parts(value: Any) -> Any:
    """Let `target: column` and `target: [column, column]` stand for their long forms."""
    parts = value if isinstance(value, list) else [value]
    return [{"column": part} if isinstance(part, str) else part for part in parts]


class SourceColumn(MappingModel):
    """Each row names the source it comes from."""

    column: str


class Mapping(MappingModel):
    """A mapping file. Everything is optional: what it leaves out goes by the columns' names."""

    type: MessageType | None = Field(
        default=None, description="profiles, tickets, orders, events, consents."
    )
    source: str | SourceColumn | None = Field(
        default=None, description="One source for all rows, or the column that names it."
    )
    fields: dict[str, Annotated[list[Part], BeforeValidator(_as_parts), Field(min_length=1)]] = (
        Field(default={}, description="Field of the message -> where its value comes from.")
    )
    ignore: list[str] = Field(default=[], description="Columns to leave out.")
    by_name: bool = Field(
        default=True, description="Whether columns not mentioned go by their names."
    )
    timezone: str = Field(default="UTC", description="Time zone of times written without one.")
    date_order: DateOrder | None = Field(default=None, description="dmy, mdy or ymd.")
    empty: Literal["skip", "clear"] = Field(
        default="skip", description="An empty cell says nothing (skip), or removes (clear)."
    )
    empty_values: list[str] = Field(
        default=[],
        description="Texts that mean the same as an empty cell, beside NULL, N/A and their kin.",
    )
    header: Annotated[list[str], Field(min_length=1)] | None = Field(
        default=None, description="The columns of a CSV file whose first row does not name them."
    )
    encoding: str | None = Field(default=None, description="When the detected one is wrong.")
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = Field(
        default=None, description="When the detected one is wrong."
    )

    @field_validator("type", mode="before")
    @classmethod
    def _accept_plural(cls, value: Any) -> Any:
        return PLURALS.get(value, value) if isinstance(value, str) else value

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError("no time zone such as Europe/Paris") from error
        return value

    @field_validator("encoding")
    @classmethod
    def _is_a_codec(cls, value: str | None) -> str | None:
        try:
            return None if value is None else codecs.lookup(value).name
        except LookupError as error:
            raise ValueError("no known encoding, such as utf-8 or cp1252") from error


class _Loader(yaml.BaseLoader):
    """Reads every scalar as text (`no` stays a word), and refuses a key that stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 -- the signature of PyYAML
        keys = [key.value for key, _ in node.value]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.constructor.ConstructorError(
                None, None, f"{twice} stands twice", node.start_mark
            )
        return super().construct_mapping(node, deep=deep)


def read_mapping(path: Path) -> Mapping:
    """Return the mapping that a YAML file holds."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MappingRefusedError(f"The mapping {path.name} cannot be read as UTF-8.") from error
    return parse_mapping(text)


def parse_mapping(text: str) -> Mapping:
    """Return the mapping that a YAML text holds."""
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a BaseLoader makes only text
    except yaml.YAMLError as error:
        raise MappingRefusedError(
            f"The mapping is not valid YAML: {_yaml_problem(error)}"
        ) from error
    try:
        return Mapping.model_validate(content or {})
    except ValidationError as error:
        lines = [_sentence(dict(one)) for one in error.errors(include_url=False)]
        raise MappingRefusedError("The mapping is refused.\n" + "\n".join(lines)) from error


def _yaml_problem(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return "it cannot be parsed."
    return f"{error.problem}, line {error.problem_mark.line + 1}."


def _sentence(error: dict[str, Any]) -> str:
    place = ".".join(str(part) for part in error["loc"] if part != "SourceColumn") or "mapping"
    if error["type"] == "extra_forbidden":
        known = Part.model_fields if "fields" in error["loc"] else Mapping.model_fields
        return f"{place}: no such key.{nearest(str(error['loc'][-1]), known)}"
    return f"{place}: {error['msg'].removeprefix('Value error, ')}."
