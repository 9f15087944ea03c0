"""The one envelope of every answer, and errors as the caller reads them."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Send

from engine.base.errors import BadInput, QuarterdeckError

_encode = msgspec.json.Encoder().encode


class NotJson(BadInput):
    """The request's body is declared as something else than JSON."""

    code, http_status = "not_json", 415


class BodyTooLarge(BadInput):
    """The request's body is over the bound."""

    code, http_status = "too_large", 413


def done(data: msgspec.Struct, status: int = 200) -> Response:
    """A success: a field of `data` names the resource in the singular or plural."""
    return json_response({"success": True, "data": data}, status)


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Any value as JSON."""
    return Response(_encode(body), status, headers, "application/json")


def failed(error: QuarterdeckError) -> Response:
    """A failure with its sentence, code, field and remedy; Retry-After where waiting helps."""
    headers = {"Retry-After": str(max(1, math.ceil(error.retry_after)))} if error.retry_after is not None else None
    return json_response(error.as_dict(), error.http_status, headers)


async def close_websocket(receive: Receive, send: Send, code: int, reason: str) -> None:
    """Refuse a WebSocket: accept it first, because a client sees the close code of an open connection only."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": code, "reason": reason})


async def body_of(request: Request, limit: int) -> dict[str, Any]:
    """The body as a JSON object; an empty one is {}. Raises BadInput, NotJson, BodyTooLarge.

    One whose declared length is over the limit is refused before it is read.
    """
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdecimal() and int(length) > limit:
        raise _too_large(limit)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    raw = b"".join(parts)
    if not raw.strip():
        return {}
    declared = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if declared != "application/json":
        remedy = "Send `Content-Type: application/json`."
        raise NotJson(f"The body is declared as {declared}.", field="body", remedy=remedy)
    try:
        decoded = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"The body is not JSON: {error}.", field="body", remedy="Send a JSON object.") from error
    if not isinstance(decoded, dict):
        raise BadInput("The body is not a JSON object.", field="body", remedy="Send a JSON object.")
    return decoded


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is over {limit} bytes.", field="body", remedy="Send less.")
