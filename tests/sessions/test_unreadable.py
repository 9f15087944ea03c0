"""A line that cannot be read loses no state: it is repaired, or it ends what it was to end."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sessions import protocol_events as f
from engine.sessions.machine import SessionMachine
from engine.sessions.repair import encodable, repaired
from tests.sessions import wire

RESULT = wire.result("u1", result="fine")[:-1]
ASSISTANT = wire.line(
    {"type": "assistant", "message": {"content": [{"type": "text", "text": "cafe"}, {"type": "tool_use", "name": "X"}]}}
)[:-1]
NOISE = st.one_of(
    st.binary(min_size=1, max_size=4),
    st.sampled_from(
        [rb"\ud83d", rb"\uDE00", b"\xed\xa0\x80", b"\xff", b"\xe9", b"\x00", b"NaN", b"\\", b'"', b"{", b"]"]
    ),
)


def fed(*lines: bytes) -> tuple[SessionMachine, list[f.Fact]]:
    machine = wire.machine()
    machine.begin("hi")
    return machine, machine.feed(b"\n".join(lines) + b"\n")


@given(st.sampled_from([RESULT, ASSISTANT]), st.lists(st.tuples(st.integers(0, 200), NOISE), min_size=1, max_size=3))
def test_no_bad_bytes_inside_a_valid_line_raise_or_lose_the_line_behind_it(
    line: bytes, inserted: list[tuple[int, bytes]]
) -> None:
    bad = line
    for at, noise in inserted:
        bad = bad[:at] + noise.replace(b"\n", b"") + bad[at:]
    machine = wire.machine()
    machine.begin("hi")
    machine.feed(bad + b"\n")
    if machine.turn is None:  # it was, or seemed to be, the end of the turn
        return
    assert isinstance(machine.feed(RESULT + b"\n")[-1], f.TurnFinished)


@pytest.mark.parametrize("noise", [rb"\ud83d", rb"\uDE00 x", b"\xe9", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\t", b"\x01"])
def test_what_has_no_utf8_form_becomes_a_replacement_character_and_nothing_else_changes(noise: bytes) -> None:
    (*_, last) = fed(b'{"type":"result","user_message_uuid":"u1","result":"smile ' + noise + b' end"}')[1]
    assert isinstance(last, f.TurnFinished)
    text = last.result.result or ""
    assert text.startswith("smile ")
    assert text.endswith(" end")
    assert encodable(text) == text
    text.encode()


def test_pairs_and_escaped_backslashes_stay() -> None:
    line = rb'{"a":"\ud83d\ude00 \\ud83d"}'
    assert repaired(line) is line
    assert repaired(rb'"\\\ud83d"') == rb'"\\\ufffd"'


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"result","user_message_uuid":"u1","result":"tr',
        b'{"subtype":"success","result":"x"y","user_message_uuids":["u1"],"type":"result"}',
        b'{"type":"result","result":"no mark at all',
    ],
)
def test_a_result_that_cannot_be_read_ends_its_turn_at_once(line: bytes) -> None:
    machine, facts = fed(wire.delta("so far")[:-1], line)
    assert machine.turn is None
    ended = facts[-1]
    assert isinstance(ended, f.TurnUnreadable)
    assert ended.partial == "so far"


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"result","user_message_uuid":"stranger","result":"tr',
        b'{"type":"result","origin":{"kind":"task-notification"},"result":"tr',
        b'{"type":"assistant","message":{"content":[{"type":"tool_use","input":{"type":"result"',
    ],
)
def test_anything_else_that_cannot_be_read_leaves_our_turn_alone(line: bytes) -> None:
    machine, _ = fed(line)
    assert machine.turn is not None


def test_a_result_over_the_bound_ends_its_turn_by_what_its_ends_say() -> None:
    machine = SessionMachine(lambda: "u1", max_line=1000)
    machine.begin("hi")
    long = b'{"subtype":"success","result":"' + b"x" * 200_000 + b'","user_message_uuid":"u1","type":"result"}\n'
    facts = [fact for start in range(0, len(long), 777) for fact in machine.feed(long[start : start + 777])]
    assert isinstance(facts[-1], f.TurnUnreadable)
    assert "over the limit" in facts[-1].reason


def test_a_question_that_cannot_be_read_is_answered_with_an_error() -> None:
    _, facts = fed(b'{"type":"control_request","request_id":"q7","request":{"subtype":"can_use_tool","input":{"x":"')
    (send,) = [fact for fact in facts if isinstance(fact, f.Send)]
    reply = json.loads(send.data)["response"]
    assert (reply["subtype"], reply["request_id"]) == ("error", "q7")


def test_a_reply_that_cannot_be_read_is_waited_for_no_more() -> None:
    _, facts = fed(b'{"type":"control_response","response":{"subtype":"success","request_id":"q8","response":{"a":')
    assert f.ReplyUnreadable("q8") in facts


@pytest.mark.parametrize(
    "line", [b'{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t","na', ASSISTANT[:60]]
)
def test_a_lost_tool_call_counts_as_acted(line: bytes) -> None:
    _, facts = fed(line)
    assert f.ToolUsed("") in facts


def test_a_question_with_a_lone_surrogate_is_shown_and_allowed_as_the_agent_has_it() -> None:
    line = (
        rb'{"type":"control_request","request_id":"q1","request":{"subtype":"can_use_tool","tool_name":"Bash","input":'
    )
    machine, facts = fed(line + rb'{"command":"touch zz\ud99c"},"tool_use_id":"t"}}')
    (wanted,) = [fact for fact in facts if isinstance(fact, f.PermissionWanted)]
    assert wanted.summary == "touch zz\ufffd"
    reply = json.loads(machine.answer("q1", allowed=True) or b"")
    assert reply["response"]["response"] == {"behavior": "allow"}


def test_what_we_write_is_always_utf8() -> None:
    machine = wire.machine()
    assert "\ufffd" in json.loads(machine.begin("a \ud83d b"))["message"]["content"]
    machine.feed(wire.ask("p1"))
    assert machine.answer("p1", allowed=False, message="no \udc00") is not None
    assert machine.request("set_model", model="x\ud800")[1].decode()
