"""The protocol machine: bytes in, facts out, whatever the split."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.sessions import protocol_events as f
from engine.sessions.machine import BusyError
from tests.sessions import wire

TURN = b"".join(
    [
        wire.init(),
        wire.event("message_start", message={}),
        wire.event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        wire.delta("Hel"),
        wire.delta("lo"),
        wire.line({"type": "assistant", "message": {"content": [{"type": "text", "text": "Hello"}]}}),
        wire.event("message_stop"),
        wire.result("u1", result="Hello"),
    ]
)


@given(st.lists(st.integers(0, len(TURN)), max_size=20))
def test_any_split_of_a_turn_gives_the_same_facts(cuts: list[int]) -> None:
    whole, parts = wire.machine(), wire.machine()
    whole.begin("hi")
    parts.begin("hi")
    edges = [0, *sorted(cuts), len(TURN)]
    got = [fact for a, b in itertools.pairwise(edges) for fact in parts.feed(TURN[a:b])]
    assert got == whole.feed(TURN)
    assert isinstance(got[-1], f.TurnFinished)


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise_or_end_the_turn(noise: bytes) -> None:
    assume(b"type" not in noise)  # what remains of a line may end what the line was to end
    machine = wire.machine()
    machine.begin("hi")
    machine.feed(noise + b"\n")
    (*_, last) = machine.feed(wire.result("u1"))
    assert isinstance(last, f.TurnFinished)


@pytest.mark.parametrize(("how", "why"), [("steer", "its turn was steered"), ("interrupt", "its turn was interrupted")])
def test_a_withdrawn_permission_states_why_however_much_is_read_at_once(how: str, why: str) -> None:
    machine = wire.machine()
    machine.begin("hi")
    machine.feed(wire.ask("p1"))
    if how == "steer":
        assert machine.steer("the other way")
    else:
        machine.interrupt()
    cancel = wire.line({"type": "control_cancel_request", "request_id": "p1"})
    facts = machine.feed(cancel + wire.result("u1", terminal_reason="aborted_tools"))
    assert f.PermissionWithdrawn("p1", why) in facts


def test_the_answer_streams_and_the_conversation_is_named() -> None:
    machine = wire.machine()
    machine.begin("hi")
    facts = machine.feed(TURN)
    assert "".join(fact.text for fact in facts if isinstance(fact, f.TextDelta)) == "Hello"
    assert f.ConversationNamed("c1") in facts
    assert f.ActivityChanged("writing") in facts
    assert f.MessageReceived("assistant", "", "Hello") in facts
    assert machine.turn is None


def test_one_turn_at_a_time() -> None:
    machine = wire.machine()
    machine.begin("one")
    with pytest.raises(BusyError):
        machine.begin("two")


def test_a_result_for_another_prompt_is_a_fault_and_the_turn_goes_on() -> None:
    machine = wire.machine()
    machine.begin("hi")
    (fact,) = machine.feed(wire.result("stranger"))
    assert isinstance(fact, f.ProtocolError)
    assert machine.turn is not None


@pytest.mark.parametrize(
    "restart", [wire.event("message_start", message={}), wire.line({"type": "system", "subtype": "api_retry"})]
)
def test_partial_text_is_taken_back_when_the_message_begins_again(restart: bytes) -> None:
    machine = wire.machine()
    machine.begin("hi")
    facts = machine.feed(wire.event("message_start", message={}) + wire.delta("Hel") + wire.delta("l") + restart)
    assert f.PartialDropped(4) in facts


def test_text_of_finished_messages_is_never_taken_back() -> None:
    machine = wire.machine()
    machine.begin("hi")
    start = wire.event("message_start", message={})
    facts = machine.feed(start + wire.delta("one") + wire.event("message_stop") + start)
    assert not [fact for fact in facts if isinstance(fact, f.PartialDropped)]
    assert machine.abandon() == "one"


def test_a_permission_is_asked_and_answered_with_its_own_input() -> None:
    machine = wire.machine()
    machine.begin("hi")
    (wanted,) = machine.feed(wire.ask("p1"))
    assert isinstance(wanted, f.PermissionWanted)
    assert (wanted.tool, wanted.summary) == ("Bash", "rm x")
    reply = json.loads(machine.answer("p1", allowed=True) or b"")
    assert reply["response"]["response"] == {"behavior": "allow", "updatedInput": {"command": "rm x"}}
    assert machine.answer("p1", allowed=True) is None


def test_a_denial_carries_its_reason_and_a_withdrawn_question_needs_no_answer() -> None:
    machine = wire.machine()
    machine.feed(wire.ask("p1") + wire.ask("p2"))
    reply = json.loads(machine.answer("p1", allowed=False, message="no") or b"")
    assert reply["response"]["response"]["message"] == "no"
    assert machine.feed(wire.line({"type": "control_cancel_request", "request_id": "p2"})) == [
        f.PermissionWithdrawn("p2")
    ]
    assert machine.answer("p2", allowed=False) is None


def test_a_question_that_nobody_serves_is_answered_all_the_same() -> None:
    request = wire.line({"type": "control_request", "request_id": "x", "request": {"subtype": "elicitation"}})
    (send,) = wire.machine().feed(request)
    assert isinstance(send, f.Send)
    assert json.loads(send.data)["response"]["subtype"] == "error"


def test_bad_lines_are_faults_and_long_ones_too() -> None:
    machine = wire.machine()
    assert isinstance(machine.feed(b"oops\n")[0], f.ProtocolError)
    small = type(machine)(lambda: "u", max_line=5)
    assert small.feed(b"123456789\n") == [f.ProtocolError("a line of 9 bytes is over the limit", "")]


def test_an_interrupt_marks_the_turn() -> None:
    machine = wire.machine()
    machine.begin("hi")
    assert b'"cancel_queued":true' in machine.interrupt()
    (*_, last) = machine.feed(wire.result("u1", is_error=True, subtype="error_during_execution"))
    assert isinstance(last, f.TurnFinished)
    assert last.interrupted


def test_tools_thoughts_and_results_are_transcript_lines() -> None:
    machine = wire.machine()
    machine.begin("hi")
    blocks = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "ls"}},
    ]
    answer = [{"type": "tool_result", "tool_use_id": "t", "content": "a\nb", "is_error": False}]
    facts = machine.feed(
        wire.line({"type": "assistant", "message": {"content": blocks}})
        + wire.line({"type": "user", "message": {"role": "user", "content": answer}})
    )
    said = [(fact.kind, fact.title, fact.text) for fact in facts if isinstance(fact, f.MessageReceived)]
    assert said == [("think", "", "hm"), ("tool", "Bash", "ls"), ("result", "", "a\nb")]
    assert f.ActivityChanged("Bash ls") in facts


def test_what_subagents_stream_is_not_the_answer() -> None:
    machine = wire.machine()
    machine.begin("hi")
    inner = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "inner"}}
    assert machine.feed(wire.line({"type": "stream_event", "event": inner, "parent_tool_use_id": "t"})) == []


def test_a_change_of_directory_ends_no_turn_of_ours_though_its_result_names_no_prompt() -> None:
    told = wire.machine()
    request, _ = told.request("set_cwd", path="/w")
    reply = {"subtype": "success", "request_id": request, "response": {"status": "ok", "changed": True}}
    told.feed(wire.line({"type": "control_response", "response": reply}))
    told.begin("hi")
    note = {"type": "result", "subtype": "success", "is_error": False, "result": "", "session_id": "c1", "num_turns": 0}
    assert told.feed(wire.line(note)) == []
    assert told.turn is not None
    told.feed(wire.line(note))
    assert told.turn is None


def test_a_directory_that_stays_is_noted_by_nobody() -> None:
    told = wire.machine()
    request, _ = told.request("set_cwd", path="/w")
    reply = {"subtype": "success", "request_id": request, "response": {"status": "ok", "changed": False}}
    told.feed(wire.line({"type": "control_response", "response": reply}))
    told.begin("hi")
    told.feed(wire.line({"type": "result", "subtype": "success", "is_error": False, "result": "", "session_id": "c1"}))
    assert told.turn is None


def test_an_agent_that_runs_otherwise_than_it_was_started_is_told() -> None:
    told = wire.machine()
    first = {"type": "system", "subtype": "init", "session_id": "c1", "model": "opus", "permissionMode": "default"}
    assert [fact for fact in told.feed(wire.line(first)) if isinstance(fact, f.AgentChanged)] == []
    changed = told.feed(wire.line({**first, "model": "haiku"}))
    assert f.AgentChanged("its model was opus and is haiku") in changed
    status = {"type": "system", "subtype": "status", "session_id": "c1", "permissionMode": "plan"}
    assert f.AgentChanged("its permission mode was default and is plan") in told.feed(wire.line(status))
