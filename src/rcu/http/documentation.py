"""Pages that describe the API, its operations and its errors, and load nothing from elsewhere.

FastAPI's own pages run scripts from a content delivery network: a program of somebody else, next
to people's data, and nothing at all on a shop's closed network.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections import defaultdict
from html import escape
from inspect import cleandoc
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from rcu.errors import RcuError, problem_title, problem_type
from rcu.http.errors import NotFoundError
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
<h1>{title}</h1>{body}</html>
"""
_DESCRIPTION: Final = """<p>{summary}</p>
<p>The whole description, for programs and for your own viewer:
<a href="/openapi.json">/openapi.json</a>. Every error is one of the
<a href="/problems">kinds of problem</a>.</p><p>{contents}</p>{sections}"""


@router.get("/", include_in_schema=False)
async def first_page() -> Response:
    """Lead whoever opens the address of the service to the description of its operations."""
    return RedirectResponse("/docs")


@router.get("/openapi.json", include_in_schema=False)
async def openapi_document(request: Request) -> Response:
    """Return the OpenAPI document."""
    return Response(orjson.dumps(await _description(request)), media_type="application/json")


async def _description(request: Request) -> dict[str, Any]:
    """Return the description of the API. The first time it takes seconds, off the loop."""
    description: dict[str, Any] = await asyncio.to_thread(request.app.openapi)
    return description


@router.get("/docs", include_in_schema=False)
async def operations_page(request: Request) -> Response:
    """Return a page that lists the operations."""
    document = await _description(request)
    info = document["info"]
    sections: dict[str, list[str]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            described = _prose(operation["description"])
            sections[operation.get("tags", ["Other"])[0]].append(
                f"<dt>{method.upper()} {escape(path)}</dt><dd>{described}</dd>"
            )
    return _page(
        f"{info['title']} {info['version']}",
        _DESCRIPTION.format(
            summary=escape(info["summary"]),
            contents=" · ".join(f'<a href="#{_anchor(tag)}">{escape(tag)}</a>' for tag in sections),
            sections="".join(
                f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2><dl>{"".join(operations)}</dl>'
                for tag, operations in sections.items()
            ),
        ),
    )


def _anchor(tag: str) -> str:
    return re.sub(r"[^a-z]+", "-", tag.lower())


def _prose(text: str) -> str:
    """Return a docstring as HTML: what stands between backticks is code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


@router.get("/problems", include_in_schema=False)
async def problems_page() -> Response:
    """Return a page that lists every kind of problem."""
    listed = "".join(_described(code, kinds) for code, kinds in sorted(_kinds_of_problem().items()))
    return _page("Kinds of problem", f"<p>{_PROBLEMS}</p><dl>{listed}</dl>")


@router.get("/problems/{kind}", include_in_schema=False)
async def problem_page(kind: str) -> Response:
    """Return the page that the `type` of a problem document names."""
    code = kind.replace("-", "_")
    kinds = _kinds_of_problem().get(code)
    if kinds is None:
        raise NotFoundError("There is no such kind of problem: /problems lists them.")
    return _page(problem_title(code), f"<p>{_PROBLEMS}</p><dl>{_described(code, kinds)}</dl>")


_PROBLEMS: Final = (
    "An error is a problem document (RFC 9457): <code>detail</code> says what happened this time, "
    "<code>errors</code> names the fields, and support finds the request by its "
    "<code>request_id</code>."
)


def _kinds_of_problem() -> dict[str, list[type[RcuError]]]:
    """Return every refusal of the service by its code."""
    found: dict[str, list[type[RcuError]]] = defaultdict(list)
    waiting: list[type[RcuError]] = [RcuError]
    while waiting:
        for error in waiting.pop().__subclasses__():
            waiting.append(error)
            if "code" in vars(error):  # else it is a base of others
                found[error.code].append(error)
    return found


def _described(code: str, kinds: list[type[RcuError]]) -> str:
    statuses = ", ".join(sorted({str(error.status) for error in kinds}))
    meaning = "\n".join(dict.fromkeys(cleandoc(error.__doc__ or "") for error in kinds))
    return f"<dt>{escape(problem_type(code))} ({statuses})</dt><dd>{_prose(meaning)}</dd>"


def _page(title: str, body: str) -> Response:
    return HTMLResponse(
        _PAGE.format(title=escape(title), style=_STYLE, body=body),
        headers={
            "content-security-policy": (
                f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"
            )
        },
    )
