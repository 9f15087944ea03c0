"""Whose turn a result ends: only the one that names our prompt, or the only one that it can be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.sessions import protocol_events as f
from engine.sessions.machine import SessionMachine
from tests.sessions import wire


def unmarked(**fields: Any) -> bytes:
    """A result that names no prompt."""
    return wire.line({"type": "result", "subtype": "success", "result": "other", "session_id": "c1", **fields})


def status(*prompts: str) -> bytes:
    marks = {"user_message_uuids": list(prompts)} if prompts else {}
    return wire.line({"type": "system", "subtype": "status", "status": "requesting", **marks})


def lifecycle(uuid: str, state: str) -> bytes:
    return wire.line({"type": "command_lifecycle", "command_uuid": uuid, "state": state})


NOTIFICATION = {"origin": {"kind": "task-notification"}}


def ends(facts: list[f.Fact]) -> list[f.TurnFinished]:
    return [fact for fact in facts if isinstance(fact, f.TurnFinished)]


def marking() -> SessionMachine:
    """A machine whose process has named a prompt before."""
    machine = wire.machine()
    machine.begin("first")
    machine.feed(wire.result("u1"))
    return machine


@pytest.mark.parametrize("fields", [NOTIFICATION, {**NOTIFICATION, "result": "", "num_turns": 0}])
def test_a_result_with_an_origin_never_ends_our_turn(fields: dict[str, Any]) -> None:
    machine = wire.machine()
    machine.begin("hi")
    assert ends(machine.feed(unmarked(**fields))) == []
    assert ends(machine.feed(wire.result("u1", result="mine")))[0].result.result == "mine"


def test_an_unmarked_result_counts_only_as_long_as_the_process_marks_none() -> None:
    old = wire.machine()
    old.begin("hi")
    assert len(ends(old.feed(unmarked()))) == 1
    new = marking()
    new.begin("again")
    assert ends(new.feed(unmarked())) == []
    assert new.turn is not None


def test_a_failed_start_ends_the_turn_though_it_names_nobody() -> None:
    machine = wire.machine()
    machine.begin("hi")
    assert len(ends(machine.feed(unmarked(is_error=True, startup_failure_reason="bad flag")))) == 1


def test_a_prompt_that_queues_behind_a_foreign_turn_gets_its_own_answer_alone() -> None:
    machine = marking()
    begun = machine.feed(status())
    assert begun == [f.ForeignTurnBegan()]
    machine.begin("follow-up")
    assert machine.turn is not None
    assert not machine.turn.started
    foreign = machine.feed(
        lifecycle("u2", "queued")
        + wire.event("message_start", message={})
        + wire.delta("for nobody")
        + wire.line({"type": "assistant", "message": {"content": [{"type": "tool_use", "id": "t", "name": "Bash"}]}})
        + unmarked(**NOTIFICATION)
    )
    assert not [fact for fact in foreign if isinstance(fact, f.TextDelta | f.ToolUsed | f.TurnFinished)]
    assert [type(fact) for fact in foreign if isinstance(fact, f.ForeignTurnEnded | f.TurnStarted)] == [
        f.ForeignTurnEnded,
        f.TurnStarted,
    ]
    own = machine.feed(
        lifecycle("u2", "started") + status("u2") + wire.delta("mine") + wire.result("u2", result="mine")
    )
    assert f.TextDelta("mine") in own
    assert (ends(own)[0].result.result, ends(own)[0].text) == ("mine", "mine")


def test_an_older_cli_is_followed_without_marks() -> None:
    machine = wire.machine()
    machine.begin("one")
    assert len(ends(machine.feed(wire.init() + status() + unmarked()))) == 1
    machine.feed(wire.init() + status())
    assert machine.foreign
    machine.begin("two")
    assert ends(machine.feed(unmarked(**NOTIFICATION))) == []
    assert ends(machine.feed(wire.init() + status() + unmarked(result="two")))[0].result.result == "two"


def test_a_merged_turn_is_ours_when_it_names_our_prompt_among_others() -> None:
    machine = wire.machine()
    machine.begin("hi")
    result = unmarked(user_message_uuids=["stranger", "u1"], **NOTIFICATION)
    assert len(ends(machine.feed(result))) == 1


@pytest.mark.parametrize(
    "line",
    [
        lifecycle("u1", "cancelled"),
        wire.line(
            {"type": "control_response", "response": {"request_id": "u2", "response": {"cancelled": ["u1"]}}},
        ),
    ],
)
def test_a_prompt_that_was_cancelled_ends_at_once(line: bytes) -> None:
    machine = wire.machine()
    machine.begin("hi")
    machine.interrupt()
    facts = machine.feed(line)
    assert f.TurnCancelled() in facts
    assert machine.turn is None


def test_a_cancelled_list_of_somebody_elses_reply_means_nothing() -> None:
    machine = wire.machine()
    machine.begin("hi")
    reply = {"type": "control_response", "response": {"request_id": "x", "response": {"cancelled": ["u1"]}}}
    machine.feed(wire.line(reply))
    assert machine.turn is not None


def test_a_prompt_that_is_said_to_be_done_is_not_waited_for_long() -> None:
    machine = wire.machine()
    machine.begin("hi")
    assert machine.feed(lifecycle("u1", "completed")) == [f.TurnCompleting()]


def test_background_tasks_are_followed_by_the_list_or_one_by_one() -> None:
    machine = wire.machine()

    def tell(subtype: str, **fields: Any) -> list[f.Fact]:
        return machine.feed(wire.line({"type": "system", "subtype": subtype, **fields}))

    one = f.Task("b1", "sleep 9")
    told = tell("background_tasks_changed", tasks=[{"task_id": "b1", "description": "sleep 9", "new": 1}])
    assert told == [f.TasksChanged((one,))]
    assert tell("task_started", task_id="b1", description="sleep 9", is_backgrounded=True) == []
    assert tell("task_started", task_id="front", is_backgrounded=False) == []
    assert tell("task_started", task_id="b2") == [f.TasksChanged((one, f.Task("b2", "")))]
    assert tell("task_updated", task_id="b2", patch={"status": "killed"}) == [f.TasksChanged((one,))]
    assert tell("task_notification", task_id="b1", status="completed") == [f.TasksChanged(())]
    assert machine.tasks == ()


def test_a_question_of_a_background_agent_outlives_our_turn() -> None:
    machine = wire.machine()
    machine.begin("hi")
    machine.feed(wire.ask("p1") + wire.result("u1"))
    assert machine.asking
    assert json.loads(machine.answer("p1", allowed=True) or b"")["response"]["request_id"] == "p1"


@pytest.mark.parametrize(
    "before", [status() + wire.delta("theirs"), wire.delta("theirs") + lifecycle("u2", "queued"), wire.delta("theirs")]
)
def test_what_streams_before_our_prompt_is_begun_is_not_in_its_answer(before: bytes) -> None:
    machine = wire.machine()
    machine.begin("first")
    machine.feed(lifecycle("u1", "queued") + lifecycle("u1", "started") + wire.result("u1"))
    machine.begin("second")
    streamed = ""
    for fact in machine.feed(before + lifecycle("u2", "started") + wire.delta("mine") + wire.result("u2")):
        match fact:
            case f.TextDelta(text):
                streamed += text
            case f.PartialDropped(size):
                streamed = streamed[: len(streamed) - size]
            case f.TurnFinished():
                assert fact.text == "mine"
    assert streamed == "mine"
