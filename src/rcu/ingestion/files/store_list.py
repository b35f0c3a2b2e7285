"""A list of stores in a file: the same formats as any import, few rows, all or none."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from rcu.ingestion.files.errors import FileRefusedError
from rcu.ingestion.files.formats import detect
from rcu.ingestion.files.reading import read_rows, read_sample
from rcu.ingestion.files.targets import simple_name
from rcu.ingestion.files.values import Reading, to_text
from rcu.ingestion.store_schemas import StoreCreate
from rcu.sales.stores import StoreDetails
from rcu.validation import field_errors

_NAMES: Final = {
    "code": "code store_id store store_code id magasin code_magasin",
    "name": "name store_name label nom libelle",
    "postcode": "postcode postal_code zip code_postal cp",
    "city": "city town ville",
    "country": "country country_code pays",
    "timezone": "timezone time_zone tz fuseau",
}
_READING: Final = Reading()


def read_stores(path: Path) -> list[StoreDetails]:
    """Return the stores of a file; every row must be right, or none is taken."""
    file_format = detect(path)
    columns = _match(read_sample(path, file_format, size=1).columns)
    stores = []
    for row in read_rows(path, file_format):
        if row.fault:
            raise FileRefusedError(f"Line {row.line}: {row.fault}")
        cells = {field: to_text(row.cells.get(name), _READING) for field, name in columns.items()}
        stated = {field: text for field, text in cells.items() if text is not None}
        try:
            stores.append(StoreCreate.model_validate(stated).details())
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False)
            told = field_errors([dict(one) for one in problems], stated)
            reasons = "; ".join(f"{one.field.removeprefix('/')}: {one.reason}" for one in told)
            raise FileRefusedError(f"Line {row.line}: {reasons}") from error
    return stores


def _match(columns: tuple[str, ...]) -> dict[str, str]:
    by_name = {simple_name(column): column for column in reversed(columns)}
    matched = {
        field: next((by_name[name] for name in names.split() if name in by_name), None)
        for field, names in _NAMES.items()
    }
    for field in ("code", "name"):
        if matched[field] is None:
            raise FileRefusedError(
                f"No column holds the {field} of a store; "
                f"it may be called {', '.join(_NAMES[field].split())}."
            )
    return {field: column for field, column in matched.items() if column is not None}
