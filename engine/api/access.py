"""Who may come in: over TCP only with the token, whose one copy lies in a file that its owner alone can read."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.api.envelope import close_websocket, failed
from engine.base.errors import BadInput, Forbidden
from engine.base.files import private_folder
from engine.base.local_trust import check_file

SHORTEST = 16
"""Characters that a token has at least."""
NO_TOKEN = 4401
"""Close code of a WebSocket without a valid token."""
_OPEN_PATHS = frozenset({"/healthz"})


_DOOR = "quarterdeck.door"
"""Where an ASGI scope says by which listener the caller came."""


def has_token(scope: Scope) -> bool:
    """Whether the caller came over TCP, where a token is what lets it in, and not over the local socket."""
    return _DOOR in scope


class TokenRequired(Forbidden):
    """No token, or a wrong one."""

    code, http_status = "token_required", 401


class TokenGate:
    """Lets a request through when it carries `Authorization: Bearer <token>`."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._digest = _digest(token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] not in {"http", "websocket"} or scope["path"] in _OPEN_PATHS or self.recognises(scope):
            scope[_DOOR] = "token"
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await close_websocket(receive, send, NO_TOKEN, "a token is needed")
            return
        remedy = "Send `Authorization: Bearer …` with a token of this engine."
        response = failed(TokenRequired("A token is needed.", remedy=remedy))
        response.headers["WWW-Authenticate"] = 'Bearer realm="quarterdeck"'
        await response(scope, receive, send)

    def recognises(self, scope: Scope) -> bool:
        """Whether a request carries the token."""
        kind, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(_digest(token.strip()), self._digest)


def token_in(path: Path) -> str:
    """The token in the file, made at first use with mode 0600. Raises BadInput for a file that keeps no secret."""
    try:
        with contextlib.suppress(FileNotFoundError):
            return _kept(path)
        return _made(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise _bad_file(f"{path} cannot be used: {reason}.", "Set `api.token_file` to a file of yours.") from error


def _kept(path: Path) -> str:
    check_file(path, "api.token_file")
    token = path.read_text().strip()
    if len(token) < SHORTEST:
        raise _bad_file(f"{path} holds no token.", "Remove it: the next start makes a new one.")
    return token


def _made(path: Path) -> str:
    private_folder(path.parent)
    token = secrets.token_urlsafe(32)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token + "\n")
    return token


def _bad_file(sentence: str, remedy: str) -> BadInput:
    return BadInput(sentence, field="api.token_file", remedy=remedy)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
