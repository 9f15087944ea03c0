"""The protocol machine under every interleaving of our prompts, turns of the CLI's own, cuts, noise and ends.

A small model of the CLI writes into a pipe, from which the machine reads any number of bytes at any time. Each piece of
text names the turn that wrote it.
"""

from __future__ import annotations

import re
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.sessions import protocol_events as f
from engine.sessions.machine import BusyError
from engine.sessions.wire_turn import MAX_STEERS
from tests.sessions import wire

FOREIGN = "foreign"
WRITER = re.compile(r"\[(\w+)\]")
NOTIFICATION = {"origin": {"kind": "task-notification"}}
NOISE = [
    b"\n",
    b'{"type": "assistant", "message"\n',
    b'{"type": "result", "user_message_uuids": ["stranger"], "subtype\n',
    b"no JSON at all\n",
    wire.line({"type": "command_lifecycle", "command_uuid": "stranger", "state": "cancelled"}),
    wire.line({"type": "control_cancel_request", "request_id": "unknown"}),
    wire.result("stranger", result="[stranger]"),
    wire.line({"type": "control_response", "response": {"request_id": "x", "response": {"cancelled": ["u1", "u2"]}}}),
]


class Conversing(RuleBasedStateMachine):
    """Owner of the pipe, and of what the test knows: the prompt in flight and how each one ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: dict[str, f.Fact | str] = {}
        self.texts = 0
        self.start()

    def start(self) -> None:
        """A process whose first turn went well, and which has named a prompt so."""
        self.machine = wire.machine()
        self.pipe = b""
        self.unread: list[str] = []
        self.queue: list[str] = []
        self.urgent = 0
        self.running = ""
        self.flight = ""
        self.streamed = ""
        self.muddled = False
        self.cancelled: set[str] = set()
        self.ended.clear()
        self.begin()
        self.read_prompt()
        self.start_own()
        self.finish(error=False)
        self.feed(len(self.pipe))
        assert not self.flight

    # what the engine does

    @rule()
    def begin(self) -> None:
        if self.flight:
            with pytest.raises(BusyError):
                self.machine.begin("hi")
            return
        self.machine.begin("hi")
        assert self.machine.turn is not None
        self.flight, self.streamed = self.machine.turn.uuid, ""
        assert self.flight not in self.ended
        self.unread.append(self.flight)

    @precondition(lambda self: self.flight or self.machine.foreign)
    @rule()
    def interrupt(self) -> None:
        data = self.machine.interrupt()
        found = re.search(rb'"request_id": ?"(\w+)"', data)
        assert found is not None
        self.unread.append(f"interrupt {found[1].decode()}")

    @precondition(lambda self: self.machine.turn is not None)
    @rule()
    def steer(self) -> None:
        turn = self.machine.turn
        assert turn is not None
        could = turn.started and not turn.interrupted and len(turn.steers) < MAX_STEERS
        data = self.machine.steer("the other way")
        assert (data is not None) is could
        if data is not None:
            self.unread.append(f"steer {turn.steers[-1]}")

    @rule(size=st.integers(1, 400))
    def feed(self, size: int) -> None:
        data, self.pipe = self.pipe[:size], self.pipe[size:]
        self.take(self.machine.feed(data))

    @precondition(lambda self: self.pipe)
    @rule()
    def feed_all(self) -> None:
        self.feed(len(self.pipe))

    @rule(really=st.integers(0, 3))
    def end_of_process(self, really: int) -> None:
        if really:
            return
        self.take(self.machine.end())
        partial = self.machine.abandon()
        if self.flight:
            self.over("abandoned", "" if self.muddled else partial)
        self.start()

    # what the CLI does

    @precondition(lambda self: self.unread)
    @rule()
    def read_prompt(self) -> None:
        word, _, request = self.unread.pop(0).partition(" ")
        if not request:
            self.queue.append(word)
            self.lifecycle(word, "queued")
            return
        if word == "steer":
            self.queue.insert(self.urgent, request)
            self.urgent += 1
            self.lifecycle(request, "queued")
            if self.running:
                self.finish(error=bool(self.texts % 2))
            return
        cancelled, self.queue, self.urgent = self.queue, [], 0
        self.cancelled |= set(cancelled)
        reply = {"subtype": "success", "request_id": request, "response": {"cancelled": [*cancelled, "stranger"]}}
        self.write({"type": "control_response", "response": reply})
        for each in cancelled:
            self.lifecycle(each, "cancelled")
        if self.running:
            self.finish(error=True)

    @precondition(lambda self: self.queue and not self.running)
    @rule()
    def start_own(self) -> None:
        self.running, self.urgent = self.queue.pop(0), max(0, self.urgent - 1)
        self.lifecycle(self.running, "started")
        self.status(user_message_uuids=[self.running])

    @precondition(lambda self: not self.running)
    @rule()
    def start_foreign(self) -> None:
        self.running = FOREIGN
        self.status()

    @precondition(lambda self: self.running)
    @rule(start=st.booleans(), stop=st.booleans())
    def stream(self, start: bool, stop: bool) -> None:
        if start:
            self.pipe += wire.event("message_start", message={})
        self.texts += 1
        self.pipe += wire.delta(f"{self.texts}[{self.running}] ")
        if stop:
            self.pipe += wire.event("message_stop")

    @precondition(lambda self: self.running)
    @rule()
    def speak(self) -> None:
        self.texts += 1
        text = {"type": "text", "text": f"{self.texts}[{self.running}]"}
        self.write({"type": "assistant", "message": {"content": [text]}})

    @precondition(lambda self: self.running)
    @rule(error=st.booleans())
    def finish(self, error: bool) -> None:
        owner, self.running = self.running, ""
        if owner == FOREIGN:
            self.write(
                {"type": "result", "subtype": "success", "result": "[foreign]", "session_id": "c1"} | NOTIFICATION
            )
            return
        self.pipe += wire.result(owner, is_error=error, result=f"[{owner}]")
        self.lifecycle(owner, "completed")

    @rule(noise=st.sampled_from(NOISE))
    def disturb(self, noise: bytes) -> None:
        self.pipe += noise

    @rule(really=st.integers(0, 3))
    def name_nobody(self, really: int) -> None:
        """A result out of nowhere: it may end a turn of the CLI's own that still speaks, but no turn of ours."""
        if really:
            return
        self.muddled = True
        self.write({"type": "result", "subtype": "success", "result": "[nobody]", "session_id": "c1"})

    @invariant()
    def nothing_contradicts(self) -> None:
        self.machine.validate()
        turn = self.machine.turn
        assert (turn.uuid if turn is not None else "") == self.flight

    @invariant()
    def what_was_read_is_known(self) -> None:
        if not self.pipe and not self.muddled:
            assert self.machine.foreign is (self.running == FOREIGN)

    def take(self, facts: list[f.Fact]) -> None:
        """Each end is the one end of the turn in flight, and holds no text but that of our prompt."""
        for fact in facts:
            match fact:
                case f.TextDelta(text):
                    self.streamed += text
                case f.PartialDropped(size):
                    self.streamed = self.streamed[: len(self.streamed) - size]
                case f.TurnSteered(uuid, result):
                    assert result is None or self.flight in result.prompts
                    assert not self.streamed
                    self.flight = uuid
                case f.TurnFinished():
                    assert self.flight in fact.result.prompts
                    self.over(fact, fact.text + (fact.result.result or "") + self.streamed)
                case f.TurnCancelled(partial) | f.TurnUnreadable(_, partial):
                    assert isinstance(fact, f.TurnUnreadable) or self.flight in self.cancelled
                    self.over(fact, "" if self.muddled else partial + self.streamed)

    def over(self, fact: f.Fact | str, text: str) -> None:
        assert self.flight, f"{fact} ends a turn that is over"
        assert set(WRITER.findall(text)) <= {self.flight}, text
        self.ended[self.flight] = fact
        self.flight = ""

    def write(self, value: dict[str, Any]) -> None:
        self.pipe += wire.line(value)

    def status(self, **marks: Any) -> None:
        self.write({"type": "system", "subtype": "status", "status": "requesting", **marks})

    def lifecycle(self, uuid: str, state: str) -> None:
        self.write({"type": "command_lifecycle", "command_uuid": uuid, "state": state})


TestMachine = Conversing.TestCase
TestMachine.settings = settings(max_examples=120, stateful_step_count=50, deadline=None, derandomize=True)
