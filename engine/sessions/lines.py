"""The lines that we write to the CLI. PROTOCOL.md section 3 is their source.

A line that is not exactly right ends the CLI at once, so every one is built here.
"""

from __future__ import annotations

from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode


def user(prompt: str, uuid: str) -> bytes:
    """A prompt; `uuid` comes back on the result."""
    return _line(
        {
            "type": "user",
            "uuid": uuid,
            "session_id": "",
            "parent_tool_use_id": None,
            "message": {"role": "user", "content": _encodable(prompt)},
        }
    )


def control(request_id: str, subtype: str, **fields: Any) -> bytes:
    """A control request; its reply carries `request_id`."""
    return _line({"type": "control_request", "request_id": request_id, "request": {"subtype": subtype, **fields}})


def allow(request_id: str, updated_input: msgspec.Raw) -> bytes:
    """Leave to use a tool. No rules are sent: grants live in the engine (they survive `/clear` in the CLI)."""
    return _success(request_id, {"behavior": "allow", "updatedInput": updated_input})


def deny(request_id: str, message: str, *, interrupt: bool = False) -> bytes:
    """Refusal of a tool; the model reads `message`."""
    return _success(request_id, {"behavior": "deny", "message": _encodable(message), "interrupt": interrupt})


def unsupported(request_id: str, subtype: str) -> bytes:
    """The answer to a request that this engine does not serve; silence would hang the CLI for ever."""
    error = f"Quarterdeck does not serve {subtype}"
    return _line(
        {"type": "control_response", "response": {"subtype": "error", "request_id": request_id, "error": error}}
    )


def _success(request_id: str, response: dict[str, Any]) -> bytes:
    reply = {"subtype": "success", "request_id": request_id, "response": response}
    return _line({"type": "control_response", "response": reply})


def _line(value: dict[str, Any]) -> bytes:
    return _encode(value) + b"\n"


def _encodable(text: str) -> str:
    """Lone surrogates have no UTF-8 form and the CLI exits on invalid UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
