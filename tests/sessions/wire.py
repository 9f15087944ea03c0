"""Lines as the CLI writes them, for the machine's tests."""

from __future__ import annotations

import itertools
import json
from typing import Any

from engine.sessions.machine import SessionMachine


def machine() -> SessionMachine:
    """A machine whose ids are u1, u2, …"""
    numbers = itertools.count(1)
    return SessionMachine(lambda: f"u{next(numbers)}")


def line(value: dict[str, Any]) -> bytes:
    """One line."""
    return json.dumps(value).encode() + b"\n"


def init(conversation: str = "c1") -> bytes:
    return line({"type": "system", "subtype": "init", "session_id": conversation})


def event(kind: str, **fields: Any) -> bytes:
    return line({"type": "stream_event", "event": {"type": kind, **fields}})


def delta(text: str) -> bytes:
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def result(uuid: str, **fields: Any) -> bytes:
    base = {"type": "result", "subtype": "success", "is_error": False, "result": "ok", "session_id": "c1"}
    return line({**base, "user_message_uuids": [uuid], **fields})


def ask(request_id: str, command: str = "rm x") -> bytes:
    request = {"subtype": "can_use_tool", "tool_name": "Bash", "input": {"command": command}, "tool_use_id": "t1"}
    return line({"type": "control_request", "request_id": request_id, "request": request})
