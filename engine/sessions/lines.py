"""The lines that we write to the CLI. docs/development/protocol.md, section 3, is their source.

A line that is not exactly right ends the CLI at once, so every one is built here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from engine.sessions.repair import encodable

_encode = msgspec.json.Encoder().encode


def user(prompt: str, uuid: str, *, commands: bool = False, now: bool = False, note: bool = False) -> bytes:
    """A prompt; `uuid` comes back on the result. Without `commands` all of it is text for the model.

    A `note` asks for no answer: the model reads it with the next prompt. With `now` it does not wait for the running
    turn: the CLI ends that one first, a tool that runs excepted.

    `text_not_typed` keeps the CLI (2.1.330) from acting on a leading `/` and from attaching the file behind an `@`,
    which it would read from any folder without asking. A CLI that does not know the field takes a `/` behind a space
    as text.
    """
    line = {
        "type": "user",
        "uuid": uuid,
        "session_id": "",
        "parent_tool_use_id": None,
        "message": {"role": "user", "content": prompt if commands else as_text(prompt)},
        **({"priority": "now"} if now else {}),
        **({"shouldQuery": False} if note else {}),
    }
    return _line(line if commands else {**line, "text_not_typed": True})


def as_text(prompt: str) -> str:
    """The prompt as no CLI takes it for a command: a leading `/` goes behind a space, everything else stays."""
    return f" {prompt}" if prompt.startswith("/") else prompt


def control(request_id: str, subtype: str, **fields: Any) -> bytes:
    """A control request; its reply carries `request_id`."""
    return _line({"type": "control_request", "request_id": request_id, "request": {"subtype": subtype, **fields}})


def withdraw(request_id: str) -> bytes:
    """A control request of ours whose reply nobody waits for any more."""
    return _line({"type": "control_cancel_request", "request_id": request_id})


def allow(request_id: str, updated_input: msgspec.Raw | None) -> bytes:
    """Permission to use a tool, with its input as it was asked for when none is given.

    No rules are sent: grants live in the engine (they survive `/clear` in the CLI).
    """
    given = {} if updated_input is None else {"updatedInput": updated_input}
    return _success(request_id, {"behavior": "allow", **given})


def deny(request_id: str, message: str, *, interrupt: bool = False) -> bytes:
    """Refusal of a tool; the model reads `message`."""
    return _success(request_id, {"behavior": "deny", "message": message, "interrupt": interrupt})


def unsupported(request_id: str, subtype: str) -> bytes:
    """The answer to a request that this engine does not serve; silence would hang the CLI for ever."""
    return refuse(request_id, f"Quarterdeck does not serve {subtype}")


def refuse(request_id: str, error: str) -> bytes:
    """An error as the answer to a control request of the CLI."""
    return _line(
        {"type": "control_response", "response": {"subtype": "error", "request_id": request_id, "error": error}}
    )


def _success(request_id: str, response: dict[str, Any]) -> bytes:
    reply = {"subtype": "success", "request_id": request_id, "response": response}
    return _line({"type": "control_response", "response": reply})


_SEPARATORS = {
    mark.encode(): f"\\u{ord(mark):04x}".encode()
    for mark in ("\u2028", "\u2029", "\x85")  # line ends to some readers; in JSON they stand within strings only
}


def _line(value: dict[str, Any]) -> bytes:
    """One line, whatever its texts hold: a line of a caller's own would act without permission."""
    try:
        encoded = _encode(value)
    except UnicodeEncodeError:  # the CLI exits on invalid UTF-8, which a lone surrogate has no form in
        encoded = _encode(_encodable(value))
    for mark, escaped in _SEPARATORS.items():
        encoded = encoded.replace(mark, escaped)
    if b"\n" in encoded or b"\r" in encoded:  # only a raw part can bring one
        encoded = msgspec.json.format(encoded, indent=-1)
    return encoded + b"\n"


def _encodable(value: Any) -> Any:
    match value:
        case str():
            return encodable(value)
        case dict():
            return {_encodable(key): _encodable(each) for key, each in value.items()}
        case list() | tuple():
            return [_encodable(each) for each in value]
        case _:
            return value
