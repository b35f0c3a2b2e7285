"""Pages that describe the API: the OpenAPI document, and a page that loads nothing from elsewhere.

FastAPI's own pages run scripts from a content delivery network: a program of somebody else, next
to people's data, and nothing at all on a shop's closed network.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from rcu.http.routing import api_router

router = api_router(tags=["Operations"])

_STYLE: Final = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "dt{margin-top:1rem;font-family:ui-monospace,monospace;font-weight:600}"
    "dd{margin:0 0 0 1.5rem;white-space:pre-line}"
)
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><style>{style}</style>
<h1>{title} {version}</h1><p>{summary}</p>
<p>The whole description, for programs and for your own viewer:
<a href="/openapi.json">/openapi.json</a>.</p><dl>{operations}</dl></html>
"""


@router.get("/openapi.json", include_in_schema=False)
async def openapi_document(request: Request) -> Response:
    """Return the OpenAPI document."""
    return Response(orjson.dumps(request.app.openapi()), media_type="application/json")


@router.get("/docs", include_in_schema=False)
async def operations_page(request: Request) -> Response:
    """Return a page that lists the operations."""
    return HTMLResponse(
        _page(request.app.openapi()),
        headers={
            "content-security-policy": (
                f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"
            )
        },
    )


def _page(document: dict[str, Any]) -> str:
    info = document["info"]
    operations = "".join(
        f"<dt>{method.upper()} {escape(path)}</dt><dd>{escape(operation['description'])}</dd>"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    return _PAGE.format(
        title=escape(info["title"]),
        version=escape(info["version"]),
        summary=escape(info["summary"]),
        style=_STYLE,
        operations=operations,
    )
