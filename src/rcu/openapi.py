"""`python -m rcu.openapi [--check]`: keep `openapi/openapi.json` the description of the code."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

from rcu.app import create_app
from rcu.settings import Settings

FILE = Path("openapi/openapi.json")


def openapi_document() -> bytes:
    """Return the OpenAPI document as the repository keeps it."""
    # The settings of whoever runs this must not show in the document.
    app = create_app(Settings.model_construct())
    return orjson.dumps(app.openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def main(arguments: list[str]) -> int:
    """Write the document, or with `--check` compare only; return the exit code."""
    current = openapi_document()
    if "--check" not in arguments:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_bytes(current)
        return 0
    if FILE.is_file() and FILE.read_bytes() == current:
        return 0
    sys.stderr.write(f"{FILE} does not describe this code: run `make openapi`.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
