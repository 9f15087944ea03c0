"""One line of bytes to one typed message; what cannot be typed is kept, what is no JSON is repaired or a fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import msgspec

from engine.sessions import messages as m
from engine.sessions.repair import repaired, reread

KNOWN: tuple[type[m.Message], ...] = (
    m.StreamEvent,
    m.Assistant,
    m.User,
    m.System,
    m.RateLimitEvent,
    m.Result,
    m.ConversationReset,
    m.CommandLifecycle,
    m.ControlResponse,
    m.ControlRequest,
    m.ControlCancel,
    m.KeepAlive,
)
_BY_TAG = {cast("str", cls.__struct_config__.tag): cls for cls in KNOWN}
_Typed = (
    m.StreamEvent
    | m.Assistant
    | m.User
    | m.System
    | m.RateLimitEvent
    | m.Result
    | m.ConversationReset
    | m.CommandLifecycle
    | m.ControlResponse
    | m.ControlRequest
    | m.ControlCancel
    | m.KeepAlive
)
_decode_typed = msgspec.json.Decoder(_Typed).decode
_decode_loose = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder().decode
_decode_blocks = msgspec.json.Decoder(list[m.Block]).decode
_decode_block = msgspec.json.Decoder(m.Block).decode


@dataclass(frozen=True, slots=True)
class Received:
    """A message with the line it came in, so that nothing in it is lost; `changed` lines had to be repaired."""

    message: m.AnyMessage
    line: bytes
    changed: bool = False

    def fields(self) -> dict[str, Any]:
        """The whole line decoded, unknown fields included; costs a full decode each time."""
        decoded = _decode_any(self.line)
        return decoded if isinstance(decoded, dict) else {}


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is not a JSON object; the session goes on."""

    reason: str
    excerpt: str


def decode_line(line: bytes) -> Received | BadLine:
    """Type one line. Never raises: an unknown type is `Unknown`, a field of an odd shape is left at its default.

    What strict JSON refuses is repaired where that is possible (see `engine.sessions.repair`).
    """
    valid = repaired(line)
    try:
        return Received(_decode_typed(valid), valid, valid is not line)
    except msgspec.ValidationError:
        return _decode_oddity(valid, changed=valid is not line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        strict = reread(valid)
        return _decode_oddity(strict, changed=True) if strict is not None else BadLine(str(error), _excerpt(line))


def blocks_of(body: m.Body) -> list[m.Block]:
    """The content blocks of a message; a plain text is one text block, odd content none."""
    try:
        return _decode_blocks(body.content)
    except msgspec.ValidationError:
        pass
    try:
        text = _decode_any(body.content)
    except msgspec.DecodeError:
        return []
    return [m.Block(type="text", text=text)] if isinstance(text, str) else []


def block_of(raw: msgspec.Raw) -> m.Block | None:
    """One content block, or None when it is of another shape."""
    try:
        return _decode_block(raw)
    except msgspec.ValidationError:
        return None


def input_text(block: m.Block) -> str:
    """The input of a tool as the JSON that it came in; empty where there is none."""
    raw = bytes(block.input)
    return "" if raw in {b"null", b"{}"} else raw.decode("utf-8", "replace")


def _decode_oddity(line: bytes, *, changed: bool) -> Received | BadLine:
    try:
        loose = _decode_loose(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return BadLine("not a JSON object", _excerpt(line))
    tag = _decode_any(loose.get("type", b'""'))
    known = _BY_TAG.get(tag) if isinstance(tag, str) else None
    if known is None:
        return Received(m.Unknown(tag if isinstance(tag, str) else ""), line, changed)
    return Received(cast("m.AnyMessage", _salvage(known, loose)), line, changed)


def _salvage(known: type[m.Message], loose: dict[str, msgspec.Raw]) -> m.Message:
    kept: dict[str, Any] = {}
    for field in msgspec.structs.fields(known):
        raw = loose.get(field.encode_name)
        if raw is None:
            continue
        try:
            kept[field.name] = msgspec.json.decode(raw, type=field.type)
        except msgspec.ValidationError:
            continue
    return known(**kept)


def _excerpt(line: bytes) -> str:
    return line[:200].decode("utf-8", "replace")
