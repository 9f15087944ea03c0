"""Every line type is typed, unknown ones are kept, broken ones are faults and never raise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sessions import messages as m
from engine.sessions.decoding import KNOWN, BadLine, Received, blocks_of, decode_line

LINES: list[tuple[dict[str, Any], type]] = [
    ({"type": "stream_event", "event": {"type": "message_stop"}}, m.StreamEvent),
    ({"type": "assistant", "message": {"content": [{"type": "text", "text": "hi"}]}}, m.Assistant),
    ({"type": "user", "message": {"role": "user", "content": "hi"}}, m.User),
    ({"type": "system", "subtype": "init", "session_id": "c"}, m.System),
    ({"type": "system", "subtype": "api_retry", "attempt": 1, "error_status": None}, m.System),
    ({"type": "rate_limit_event", "rate_limit_info": {"status": "allowed"}}, m.RateLimitEvent),
    ({"type": "result", "subtype": "success", "is_error": False}, m.Result),
    ({"type": "conversation_reset", "new_conversation_id": "c"}, m.ConversationReset),
    ({"type": "command_lifecycle", "command_uuid": "u", "state": "queued"}, m.CommandLifecycle),
    ({"type": "control_response", "response": {"subtype": "success", "request_id": "r"}}, m.ControlResponse),
    ({"type": "control_request", "request_id": "r", "request": {"subtype": "can_use_tool"}}, m.ControlRequest),
    ({"type": "control_cancel_request", "request_id": "r"}, m.ControlCancel),
    ({"type": "keep_alive"}, m.KeepAlive),
    ({"type": "from_the_future", "x": 1}, m.Unknown),
    ({"no": "type"}, m.Unknown),
]

SCALARS = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def _decoded(value: Any) -> Received:
    received = decode_line(json.dumps(value).encode())
    assert isinstance(received, Received)
    return received


@pytest.mark.parametrize(("line", "kind"), LINES)
def test_each_line_gets_its_type(line: dict[str, Any], kind: type) -> None:
    assert type(_decoded(line).message) is kind


def test_every_type_has_a_sample() -> None:
    assert {kind for _, kind in LINES} == {*KNOWN, m.Unknown}


@pytest.mark.parametrize(("line", "_kind"), LINES)
def test_unknown_fields_are_kept(line: dict[str, Any], _kind: type) -> None:
    assert _decoded({**line, "brand_new": [1]}).fields()["brand_new"] == [1]


def test_the_order_of_keys_does_not_matter() -> None:
    message = _decoded({"usage": {"output_tokens": 3}, "result": "x", "type": "result"}).message
    assert isinstance(message, m.Result)
    assert message.usage is not None
    assert message.usage.output_tokens == 3


def test_a_field_of_an_odd_shape_does_not_lose_the_line() -> None:
    message = _decoded({"type": "result", "is_error": True, "result": "gone", "num_turns": "many"}).message
    assert isinstance(message, m.Result)
    assert (message.is_error, message.result, message.num_turns) == (True, "gone", None)


@pytest.mark.parametrize("line", [b"{", b"nope", b'{"type": "result"', b"\xff\xfe", b"[1]", b'"x"', b"12"])
def test_what_is_no_json_object_is_a_fault(line: bytes) -> None:
    assert isinstance(decode_line(line), BadLine)


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(line: bytes) -> None:
    assert isinstance(decode_line(line), Received | BadLine)


@given(JSON)
def test_no_json_makes_the_blocks_raise(content: Any) -> None:
    received = _decoded({"type": "assistant", "message": {"content": content}})
    assert isinstance(received.message, m.Assistant | m.Unknown)
    if isinstance(received.message, m.Assistant):
        assert isinstance(blocks_of(received.message.message), list)
