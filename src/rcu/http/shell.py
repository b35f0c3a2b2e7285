"""The outermost layer of the service: a plain ASGI function around the application.

It gives each request its id, bounds the body, turns every exception into a problem document,
adds the security headers, counts, and writes the access log line. It is written against ASGI
itself because it is paid on every request.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Final

from rcu import metrics
from rcu.context import RequestContext, current_request, request_id_from
from rcu.db.errors import DatabaseUnavailableError
from rcu.http.errors import BodyTooLargeError, MalformedRequestError, UnexpectedError
from rcu.http.problems import as_refusal, problem_messages
from rcu.logs import get_logger, log_request

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from rcu.errors import RcuError

log = get_logger(__name__)

SECURITY_HEADERS: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
"""Every answer may hold personal data, and none is a page to frame. A route may set its own.

HSTS is missing on purpose: it belongs to whatever terminates TLS in front of the service.
"""

UNMATCHED: Final = "unmatched"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET_ROUTES: Final = frozenset({"/healthz", "/readyz", "/metrics"})


class AnswerBrokenOffError(RuntimeError):
    """An answer failed after it had begun: the connection is cut, the cause was logged."""


class Shell:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp, *, max_body_bytes: int) -> None:
        self.app = app
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await _Exchange(self, scope, receive, send).serve()


class _Exchange:
    """One request and its answer."""

    __slots__ = ("_received", "context", "receive", "scope", "send", "shell", "started", "status")

    def __init__(self, shell: Shell, scope: Scope, receive: Receive, send: Send) -> None:
        self.shell = shell
        self.scope = scope
        self.receive = receive
        self.send = send
        self.status = 0
        self.started = perf_counter()
        self._received = 0

    async def serve(self) -> None:
        sent_id = content_length = None
        for name, value in self.scope["headers"]:
            if name == b"content-length":
                content_length = value
            elif name == b"x-request-id":
                sent_id = value
        self.context = RequestContext(request_id_from(sent_id))
        token = current_request.set(self.context)
        try:
            self._refuse_unreadable(content_length)
            await self.shell.app(self.scope, self.receive_bounded, self.send_headed)
        except Exception as error:  # noqa: BLE001 - the last resort of every request
            await self._answer(error)
        finally:
            self._account()
            current_request.reset(token)

    def _refuse_unreadable(self, content_length: bytes | None) -> None:
        if content_length is not None and (
            not content_length.isdigit() or int(content_length) > self.shell.max_body_bytes
        ):
            raise BodyTooLargeError(self.shell.max_body_bytes)
        if "\0" in self.scope["path"] or b"%00" in self.scope["query_string"]:
            raise MalformedRequestError("The address holds the character NUL.")

    async def receive_bounded(self) -> Message:
        message = await self.receive()
        body = message.get("body")
        if body:
            self._received += len(body)
            if self._received > self.shell.max_body_bytes:
                raise BodyTooLargeError(self.shell.max_body_bytes)
        return message

    async def send_headed(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", ()))
            own = {name for name, _ in headers}
            headers += [header for header in SECURITY_HEADERS if header[0] not in own]
            headers.append((b"x-request-id", self.context.request_id.encode("latin-1")))
            message["headers"] = headers
        await self.send(message)

    async def _answer(self, error: Exception) -> None:
        refusal = as_refusal(error, max_body_bytes=self.shell.max_body_bytes)
        if isinstance(refusal, DatabaseUnavailableError):
            metrics.count_database_unavailable()
        if refusal is None:
            log.error("http.unexpected_error", route=route_template(self.scope), exc_info=error)
            refusal = UnexpectedError()
        elif refusal.status >= UnexpectedError.status:
            log.warning("http.refused", code=refusal.code, status=refusal.status)
        if self.status:
            # Too late for another answer; and the server must not log the cause's message.
            raise AnswerBrokenOffError(refusal.code) from None
        await self._send_problem(refusal)

    async def _send_problem(self, refusal: RcuError) -> None:
        for message in problem_messages(refusal, request_id=self.context.request_id):
            await self.send_headed(message)

    def _account(self) -> None:
        seconds = perf_counter() - self.started
        method = self.scope["method"]
        route = route_template(self.scope)
        metrics.observe_request(
            method=method if method in _METHODS else "OTHER",
            route=route,
            status=self.status,
            seconds=seconds,
        )
        if route in _QUIET_ROUTES and self.status < UnexpectedError.status:
            return
        log_request(
            method=method, route=route, status=self.status, milliseconds=round(seconds * 1000, 2)
        )


def route_template(scope: Scope) -> str:
    """Return the template of the route that was found, such as `/v1/clients/{client_id}`.

    Never the path itself, whose values might designate a person.
    """
    template = scope.get("rcu.route")
    if template is None:
        template = getattr(scope.get("route"), "path_format", None)
    return template if isinstance(template, str) else UNMATCHED
