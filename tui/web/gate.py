"""The door of the console in a browser: a token opens it once, a cookie keeps it open, anything else is a 401.

Everything lies below a path that nobody can guess: a browser sends a cookie to every port of its host, and without the
path the server of another user of this machine would be sent ours.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qs, parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

HOSTS = ("127.0.0.1", "localhost")
"""Names that a browser on this machine may use for us."""
_REFUSAL = (
    "Not allowed. Open the whole address that `quarterdeck web` printed; it works once, in one browser. "
    "For another one, start `quarterdeck web` again.\n"
)


class WebGate:
    """ASGI middleware in front of the console; `token` is the secret of the address that was printed, and works once.

    A request counts only under one of our own names (a foreign name that resolves to this machine is DNS rebinding),
    and only from our own page: another origin, even on this machine, is refused.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app = app
        self._token = token
        self._used = False
        self._pass = secrets.token_urlsafe(32)
        self.root = f"/{secrets.token_urlsafe(24)}"
        self._hosts = {f"{name}:{port}" for name in HOSTS}
        # A cookie is sent to every port of its host, so that two of these servers need two names.
        self.cookie = f"quarterdeck_web_{port}"
        self._headers = _page_headers(self._hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, exchange its token for the cookie, or refuse it."""
        answer = self._judge(scope)
        if answer is None:
            below = {**scope, "path": scope["path"].removeprefix(self.root) or "/"}
            below["raw_path"] = below["path"].encode()
            await self._app(below, receive, self._with_headers(send))
        elif scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(answer)
        else:
            await answer(scope, receive, self._with_headers(send))

    def _judge(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        is_socket = scope["type"] == "websocket"
        if not self._from_here(headers, needs_origin=is_socket):
            return _refused()
        if not is_socket and scope["path"] == "/" and scope["method"] == "GET" and self._takes_token(scope):
            # Without the token in it, so that the address is not kept where others read it.
            welcome = RedirectResponse(f"{self.root}/{_rest(scope)}", 303)
            welcome.set_cookie(self.cookie, self._pass, httponly=True, samesite="strict", path=f"{self.root}/")
            return welcome
        inside = scope["path"].startswith(f"{self.root}/")
        return None if inside and self._has_cookie(headers) else _refused()

    def _from_here(self, headers: Headers, *, needs_origin: bool) -> bool:
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return False
        return origins == [f"http://{hosts[0]}"] or (not origins and not needs_origin)

    def _takes_token(self, scope: Scope) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])
        right = len(given) == 1 and hmac.compare_digest(given[0].encode(), self._token.encode())
        opens = right and not self._used
        self._used = self._used or right
        return opens

    def _has_cookie(self, headers: Headers) -> bool:
        given = cookie_parser(headers.get("cookie", "")).get(self.cookie, "")
        return hmac.compare_digest(given.encode(), self._pass.encode())

    def _with_headers(self, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        return send_with_headers


def _rest(scope: Scope) -> str:
    """What else the address asked for, such as the size of the font."""
    pairs = [(name, value) for name, value in parse_qsl(scope["query_string"].decode("latin-1")) if name != "token"]
    return f"?{urlencode(pairs)}" if pairs else ""


def _refused() -> Response:
    return PlainTextResponse(_REFUSAL, 401, {"WWW-Authenticate": "Token"})


def _page_headers(hosts: set[str]) -> Mapping[str, str]:
    sockets = " ".join(f"ws://{host}" for host in sorted(hosts))
    policy = (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
        f"img-src 'self' data:; connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
