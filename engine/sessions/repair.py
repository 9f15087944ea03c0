"""Lines that are not quite JSON made readable: invalid UTF-8, lone surrogates, control characters, NaN. Pure.

What cannot be read becomes U+FFFD. A line that is still unreadable is searched for what it was: see `traces_in`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONE = "\ufffd"
SEARCHED = 64 * 1024
"""Bytes at each end of an unreadable line that are searched for traces."""
_TRACE = re.compile(
    rb'"(type|subtype|request_id|user_message_uuid|user_message_uuids|origin)"\s*:\s*(\[?\s*"[^"\\]*"|\{)'
)


def repaired(line: bytes) -> bytes:
    """The line with invalid UTF-8 and lone surrogates replaced; the same object when there is nothing to replace."""
    if not line.isascii():
        try:
            line.decode()
        except UnicodeDecodeError:
            line = line.decode("utf-8", "replace").encode()
    if b"\\ud" in line or b"\\uD" in line:
        replaced = _ESCAPE.sub(lambda found: b"\\ufffd" if found[1] else found[0], line)
        return line if replaced == line else replaced
    return line


def reread(line: bytes) -> bytes | None:
    """A line that strict JSON refuses, as strict JSON; None when it is none at all."""
    try:
        value = json.loads(line, strict=False, parse_constant=lambda _name: None)
        return encodable(json.dumps(value, ensure_ascii=False)).encode()
    except (ValueError, RecursionError):
        return None


def encodable(text: str) -> str:
    """`text` with every lone surrogate replaced, which has no UTF-8 form."""
    return text if text.isascii() else _SURROGATE.sub(_LONE, text)


@dataclass(frozen=True, slots=True)
class RepairTraces:
    """What an unreadable line seems to have been.

    `kind` is its type, `request_id` a control line's id, `uuids` the prompts that a result names; `foreign` states that
    it names an origin, `acted` that a tool was used or may have been.
    """

    kind: str = ""
    request_id: str = ""
    uuids: tuple[str, ...] = ()
    foreign: bool = False
    acted: bool = False


_FIRST = re.compile(rb'\s*\{\s*"type"\s*:\s*"([^"\\]*)"')
_KINDS = ("result", "control_request", "control_response", "assistant", "user", "system", "stream_event")


def traces_in(head: bytes, tail: bytes = b"") -> RepairTraces:
    """What the two ends of a line that cannot be read say about it; keys may stand in any order."""
    found: dict[str, list[str]] = {}
    for part in (head[:SEARCHED], tail[-SEARCHED:]):
        for match in _TRACE.finditer(part):
            value = match[2].lstrip(b"[ \t").strip(b'"').decode("utf-8", "replace")
            found.setdefault(match[1].decode(), []).append(value)
    types, first = found.get("type", []), _FIRST.match(head)
    kind = first[1].decode("utf-8", "replace") if first else next((kind for kind in _KINDS if kind in types), "")
    return RepairTraces(
        kind=kind,
        request_id=next(iter(found.get("request_id", ())), ""),
        uuids=tuple(found.get("user_message_uuid", []) + found.get("user_message_uuids", [])),
        foreign="origin" in found,
        acted=kind == "assistant" or "tool_use" in types,
    )
