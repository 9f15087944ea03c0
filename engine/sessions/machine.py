"""The sans-IO protocol machine of one session: bytes in, facts out; our requests in, bytes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from engine.base.secret_text import redact
from engine.base.text import one_line, tool_summary
from engine.sessions import lines
from engine.sessions import messages as m
from engine.sessions import protocol_events as f
from engine.sessions.attribution import Attribution, Owner
from engine.sessions.decoding import BadLine, Received, block_of, blocks_of, decode_line, input_text
from engine.sessions.framing import MAX_LINE, LineSplitter, OversizedLine
from engine.sessions.own_work import BackgroundTasks
from engine.sessions.partial_blocks import PartialBlocks
from engine.sessions.repair import RepairTraces, traces_in
from engine.sessions.replies import cancelled_in, changed_directory
from engine.sessions.wire_turn import Turn

Emit = Callable[[f.Fact], None]
_ACTIVITIES = {"text": "writing", "thinking": "thinking"}


class BusyError(RuntimeError):
    """A second turn was begun while one is in flight; several queued lines would merge into one result."""


MAX_NOTES = 16
"""Notes that may wait for the agent to take them."""


class SessionMachine:
    """Owner of one session's protocol state. `new_id` gives fresh uuids. One turn of ours in flight at most."""

    def __init__(self, new_id: Callable[[], str], max_line: int = MAX_LINE) -> None:
        self._new_id = new_id
        self._splitter = LineSplitter(max_line)
        self._activity = ""
        self._asked: dict[str, m.ControlAsk] = {}
        self._changed_input: set[str] = set()
        self._interrupts: set[str] = set()
        self._runs_as: dict[str, str] = {}
        self._moving: set[str] = set()
        self._moves = 0
        self._notes: dict[str, tuple[str, str]] = {}
        self._announces = False
        self._attribution = Attribution()
        self._tasks = BackgroundTasks()
        self._blocks = PartialBlocks()
        self.turn: Turn | None = None
        self.conversation = ""

    @property
    def foreign(self) -> bool:
        """Whether a turn runs that the CLI began by itself."""
        return self._attribution.foreign

    @property
    def tasks(self) -> tuple[f.Task, ...]:
        """The background tasks alive."""
        return self._tasks.alive

    @property
    def asking(self) -> bool:
        """Whether a permission request of the agent waits for its answer."""
        return bool(self._asked)

    def begin(self, prompt: str, *, commands: bool = False) -> bytes:
        """Begin a turn, with `commands` of the CLI allowed in it; write what this returns.

        Raises BusyError when one is in flight.
        """
        if self.turn is not None:
            raise BusyError(f"turn {self.turn.uuid} is in flight")
        self.turn = Turn(self._new_id(), prompt, started=not self.foreign)
        self._activity = ""
        return lines.user(prompt, self.turn.uuid, commands=commands)

    def steer(self, prompt: str) -> bytes | None:
        """Let the turn go on with another prompt; None when none runs that could."""
        if self.turn is None or not self.turn.steerable:
            return None
        uuid = self._new_id()
        self.turn.steers.append(uuid)
        return lines.user(prompt, uuid, now=True)

    def note(self, text: str) -> tuple[str, bytes] | None:
        """A text for the model to read with the next prompt: its id, and the bytes to write; None when many wait."""
        if len(self._notes) >= MAX_NOTES:
            return None
        uuid = self._new_id()
        self._notes[uuid] = (uuid, text)
        return uuid, lines.user(text, uuid, note=True)

    def interrupt(self) -> bytes:
        """Ask the CLI to end the turn and everything that it still queues."""
        if self.turn is not None:
            self.turn.interrupted = True
        request_id = self._new_id()
        self._interrupts.add(request_id)
        return lines.control(request_id, "interrupt", cancel_queued=True)

    def request(self, subtype: str, **fields: Any) -> tuple[str, bytes]:
        """A control request: the id that its reply will carry, and the bytes to write."""
        request_id = self._new_id()
        if subtype == "set_cwd":
            self._moving.add(request_id)
        return request_id, lines.control(request_id, subtype, **fields)

    def answer(
        self, permission: str, *, allowed: bool, message: str = "", interrupt: bool = False, updated: bytes = b""
    ) -> bytes | None:
        """Answer a permission, with another input where one is given; None when the CLI no longer asks for it."""
        ask = self._asked.pop(permission, None)
        if ask is None:
            return None
        changed = permission in self._changed_input
        self._changed_input.discard(permission)
        if allowed and updated:
            return lines.allow(permission, msgspec.Raw(updated))
        if allowed:  # an input that had to be repaired is not sent back: the CLI uses its own
            return lines.allow(permission, None if changed else ask.input)
        if self.turn is not None:
            self.turn.tools.pop(ask.tool_use_id or "", None)  # what is denied was not used
        return lines.deny(permission, message or "Denied by the operator", interrupt=interrupt)

    def feed(self, data: bytes) -> list[f.Fact]:
        """Take bytes in and return what they mean, in order. Never raises."""
        found: list[f.Fact] = []
        for line in self._splitter.feed(data):
            self._take(line, found.append)
        return found

    def end(self) -> list[f.Fact]:
        """The stream is over: what an unfinished last line meant."""
        found: list[f.Fact] = []
        for line in self._splitter.end():
            self._take(line, found.append)
        return found

    def abandon(self) -> str:
        """The process is gone: end the turn without a result and return the text that streamed."""
        self._asked.clear()
        self._changed_input.clear()
        self._blocks.forget()
        return self.abandon_turn()

    def abandon_turn(self) -> str:
        """End our turn without a result and return the text that streamed."""
        turn, self.turn = self.turn, None
        return "".join(turn.text) if turn is not None else ""

    def validate(self) -> None:
        """Raises AssertionError where the state contradicts itself; for tests."""
        assert not (self.foreign and self._own is not None), "two turns run at once"  # noqa: S101
        assert self._changed_input <= self._asked.keys(), "a changed input outlived its request"  # noqa: S101
        assert self._moves >= 0, "more notes of a change of directory than changes"  # noqa: S101

    @property
    def _own(self) -> Turn | None:
        """Our turn, while the lines that come belong to it."""
        return self.turn if self.turn is not None and self.turn.started else None

    def _take(self, line: bytes | OversizedLine, emit: Emit) -> None:
        if isinstance(line, OversizedLine):
            reason = f"a line of {line.size} bytes is over the limit"
            self._unreadable(traces_in(line.head, line.tail), f.ProtocolError(reason, ""), emit)
            return
        received = decode_line(line)
        if isinstance(received, BadLine):
            fault = f.ProtocolError(received.reason, received.excerpt)
            self._unreadable(traces_in(line, line), fault, emit)
            return
        self._dispatch(received, emit)

    def _unreadable(self, traces: RepairTraces, fault: f.ProtocolError, emit: Emit) -> None:
        """What the line was to end ends now: nobody waits for it in silence."""
        emit(fault)
        if traces.acted and self._own is not None:
            emit(f.ToolUsed(""))
        if traces.kind == "result":
            prompt = self.turn.uuid if self.turn is not None else None
            owner = self._attribution.of(traces.uuids, prompt, has_origin=traces.foreign)
            if owner is Owner.OURS or (owner is Owner.STRAY and not traces.uuids and self._own is not None):
                self._blocks.finish(emit, "the end of the turn could not be read")
                if self.turn is not None and self._steered(self.turn, traces.uuids, None, emit):
                    return
                emit(f.TurnUnreadable(fault.reason, self.abandon_turn()))
            elif owner is Owner.FOREIGN:
                self._blocks.finish(emit, "the turn ended here")
                self._end_foreign(None, emit)
        elif traces.kind == "control_request" and traces.request_id:
            emit(f.Send(lines.refuse(traces.request_id, f"The request could not be read: {fault.reason}")))
        elif traces.kind == "control_response" and traces.request_id:
            emit(f.ReplyUnreadable(traces.request_id))

    def _dispatch(self, received: Received, emit: Emit) -> None:
        match received.message:
            case m.StreamEvent() as message:
                self._stream_event(message, emit)
            case m.Assistant() as message:
                self._assistant(message, emit)
            case m.User() as message:
                self._user(message, emit)
            case m.System() as message:
                self._system(message, emit)
            case m.Result() as message:
                self._result(message, received, emit)
            case m.CommandLifecycle() as message:
                self._lifecycle(message, emit)
            case m.ControlResponse() as message:
                self._reply(message.response, emit)
            case m.ControlRequest() as message:
                self._ask(message, emit, changed=received.changed)
            case m.ControlCancel() as message:
                self._cancel(message, emit)
            case m.ConversationReset() as message:
                self._name(message.new_conversation_id, emit)
            case m.RateLimitEvent() as message:
                self._limit(message.rate_limit_info, emit)

    def _limit(self, info: m.RateLimitInfo, emit: Emit) -> None:
        paid = info.isUsingOverage
        if self._own is not None and info.status == "rejected" and not paid:
            self._own.resets_at = info.resets_at
        emit(f.LimitReported(info.status, info.rateLimitType or "", info.resets_at, info.utilization, paid))

    def _stream_event(self, message: m.StreamEvent, emit: Emit) -> None:
        turn, event = self._own, message.event
        if message.parent_tool_use_id:
            return
        self._blocks.take(event, emit)
        if turn is None:
            return
        if event.type == "content_block_delta":
            self._delta(turn, event.delta, emit)
        elif event.type == "message_start":
            self._drop_partial(turn, emit)
            turn.open_from = len(turn.text)
        elif event.type == "message_stop":
            turn.open_from = None
        elif event.type == "content_block_start" and (block := block_of(event.content_block)):
            self._act(_ACTIVITIES.get(block.type, block.name or block.type), emit)

    def _delta(self, turn: Turn, delta: m.ApiDelta | None, emit: Emit) -> None:
        if delta is not None and delta.text:
            turn.text.append(delta.text)
            emit(f.TextDelta(delta.text))

    def _drop_partial(self, turn: Turn, emit: Emit) -> None:
        if size := turn.drop_partial():
            emit(f.PartialDropped(size))

    def _act(self, activity: str, emit: Emit) -> None:
        if activity != self._activity:
            self._activity = activity
            emit(f.ActivityChanged(activity))

    def _assistant(self, message: m.Assistant, emit: Emit) -> None:
        self._marked(message.user_message_uuids, emit)
        own, main, blocks = self._own, message.parent_tool_use_id is None, blocks_of(message.message)
        if main:
            self._blocks.finish(emit)
        if own is not None and main:
            own.message(message, [block.text for block in blocks if block.type == "text"])
        for block in blocks:
            if block.type == "tool_use":
                self._tool_use(block, emit, message.uuid, main=main)
            elif block.type == "thinking":
                emit(f.MessageReceived("think", "", block.thinking, ref=message.uuid))
            elif block.type == "text":
                kind = "error" if message.error else "assistant"
                emit(f.MessageReceived(kind, message.error or "", block.text, ref=message.uuid))

    def _tool_use(self, block: m.Block, emit: Emit, ref: str, *, main: bool) -> None:
        summary, own = tool_summary(block.input), self._own
        if main and own is not None:
            self._act(f"{block.name} {summary}".rstrip(), emit)
        emit(f.MessageReceived("tool", block.name, summary, input_text(block), ref))
        if own is not None:
            emit(f.ToolUsed(block.name))
            if block.id:
                own.uses(block.id, block.name)

    def _user(self, message: m.User, emit: Emit) -> None:
        if message.isReplay:
            return
        for block in blocks_of(message.message):
            if block.type == "tool_result":
                text = "\n".join(part.text for part in blocks_of(m.Body(content=block.content)))
                emit(f.MessageReceived("error" if block.is_error else "result", "", text, ref=message.uuid))
                self._tool_ended(block, text, emit)
            elif block.type == "text":
                emit(f.MessageReceived("note", "", block.text, ref=message.uuid))

    def _tool_ended(self, block: m.Block, text: str, emit: Emit) -> None:
        tool = self.turn.tools.pop(block.tool_use_id, "") if self.turn is not None else ""
        if tool and self.turn is not None and not self.turn.interrupted:
            emit(f.ToolEnded(tool, bool(block.is_error), text))

    def _system(self, message: m.System, emit: Emit) -> None:
        self._compare(message, emit)
        if message.subtype == "init":
            self._name(message.session_id, emit)
        elif message.subtype == "status":
            self._status(message, emit)
        elif message.subtype == "api_retry":
            self._blocks.drop(f"The API call failed ({message.error or message.error_status or 'no answer'})", emit)
            if (turn := self._own) is not None:
                self._drop_partial(turn, emit)
            delay = (message.retry_delay_ms or 0.0) / 1000
            emit(f.RetryReported(message.attempt or 0, delay, message.error_status, message.error or ""))
        elif message.subtype == "control_request_progress":
            emit(f.ReplyPending())
        elif message.subtype in {"compact_boundary", "model_fallback", "session_writes_lost"}:
            emit(f.MessageReceived("note", message.subtype, ""))
        elif self._tasks.take(message):
            emit(f.TasksChanged(self._tasks.alive))

    def _compare(self, message: m.System, emit: Emit) -> None:
        """What the first line said of model and mode is what every later one must say."""
        reported = {"permission mode": message.permissionMode}
        if message.subtype == "init":
            reported["model"] = message.model
        for name, value in reported.items():
            first = self._runs_as.setdefault(name, value) if value else ""
            if value and value != first:
                emit(f.AgentChanged(f"its {name} was {first} and is {value}"))

    def _status(self, message: m.System, emit: Emit) -> None:
        """A call of the API begins: ours by its mark, or the CLI's own while no prompt of ours is being worked on.

        A CLI that announces the start of each prompt works on ours only after that.
        """
        self._marked(message.user_message_uuids, emit)
        if message.status != "requesting" or message.user_message_uuids:
            return
        if self._own is not None and self._announces and not self._own.confirmed:
            self._wait(self._own, emit)
        if self._own is None:
            self._begin_foreign(emit)

    def _wait(self, turn: Turn, emit: Emit) -> None:
        """The CLI has not begun our prompt, whatever it seemed: what streamed so far belongs to another turn."""
        if size := turn.wait():
            emit(f.PartialDropped(size))

    def _marked(self, prompts: list[str] | None, emit: Emit) -> None:
        if prompts and self.turn is not None and self.turn.uuid in prompts:
            self.turn.confirmed = True
            self._start_own(emit)

    def _start_own(self, emit: Emit) -> None:
        """Turns run one after the other, so a foreign one is over when ours runs."""
        if self.turn is not None and not self.turn.started:
            self.turn.started = True
            if self.foreign:
                self._end_foreign(None, emit)
            emit(f.TurnStarted())

    def _begin_foreign(self, emit: Emit) -> None:
        if not self._attribution.foreign:
            self._attribution.foreign = True
            emit(f.ForeignTurnBegan())

    def _end_foreign(self, result: m.Result | None, emit: Emit) -> None:
        self._attribution.foreign = False
        emit(f.ForeignTurnEnded(result))
        self._start_own(emit)

    def _name(self, conversation: str, emit: Emit) -> None:
        if conversation and conversation != self.conversation:
            self.conversation = conversation
            emit(f.ConversationNamed(conversation))

    def _lifecycle(self, message: m.CommandLifecycle, emit: Emit) -> None:
        turn = self.turn
        if turn is None or message.command_uuid != turn.uuid:
            if message.state == "cancelled":
                self._drop_cancelled([message.command_uuid], emit)
            return
        if message.state == "queued":
            self._wait(turn, emit)
        elif message.state == "started":
            if not turn.confirmed:
                self._wait(turn, emit)
            self._announces = turn.confirmed = True
            self._start_own(emit)
        elif message.state == "cancelled":
            self._drop_cancelled([turn.uuid], emit)
        elif message.state == "completed":
            emit(f.TurnCompleting())

    def _drop_cancelled(self, cancelled: list[str], emit: Emit) -> None:
        """A note that an interrupt took out of the CLI's queue with the turn before it is sent again."""
        for uuid in self._notes.keys() & set(cancelled):
            again, (first, text) = self._new_id(), self._notes.pop(uuid)
            self._notes[again] = (first, text)
            emit(f.Send(lines.user(text, again, note=True)))
        if self.turn is not None:
            self.turn.steers = [uuid for uuid in self.turn.steers if uuid not in cancelled]
        if self.turn is not None and self.turn.uuid in cancelled:
            if self.turn.started:
                self._blocks.finish(emit, "the turn was cancelled here")
            emit(f.TurnCancelled(self.abandon_turn()))

    def _reply(self, reply: m.ControlReply, emit: Emit) -> None:
        emit(f.Replied(reply))
        if reply.request_id in self._interrupts:
            self._interrupts.discard(reply.request_id)
            self._drop_cancelled(cancelled_in(reply), emit)
        if reply.request_id in self._moving:
            self._moving.discard(reply.request_id)
            self._moves += changed_directory(reply)

    def _result(self, result: m.Result, received: Received, emit: Emit) -> None:
        if self._moves and not result.prompts and result.origin is None:
            self._moves -= 1  # the CLI notes a change of directory in a turn that calls no model and names no prompt
            return
        turn = self.turn
        if self._noted(result, emit) and (turn is None or turn.uuid not in result.prompts):
            return
        owner = self._attribution.of_result(result, turn.uuid if turn is not None else None)
        if owner is Owner.FOREIGN:
            self._blocks.finish(emit, "the turn ended here")
            self._end_foreign(result, emit)
            return
        if owner is Owner.STRAY or turn is None:
            emit(
                f.ProtocolError("a result that answers no turn of ours", received.line[:200].decode("utf-8", "replace"))
            )
            return
        self._name(result.session_id, emit)
        self._start_own(emit)
        how = "was steered" if turn.steers else "was interrupted" if turn.interrupted else "ended"
        self._blocks.finish(emit, f"the turn {how} here")
        if self._steered(turn, result.prompts, result, emit):
            return
        self.turn = None
        if result.is_error and result.result is None:
            emit(f.MessageReceived("error", result.terminal_reason or result.subtype, "; ".join(result.errors or ())))
        emit(
            f.TurnFinished(
                result,
                turn.interrupted,
                text=turn.whole_text(),
                failure=turn.failure,
                answered=turn.answered,
                model=turn.model,
                usage=turn.last_usage,
                resets_at=turn.resets_at,
            )
        )

    def _noted(self, result: m.Result, emit: Emit) -> bool:
        """Whether a result is that of a note, which calls no model and ends no turn of ours."""
        taken = self._notes.keys() & set(result.prompts)
        for uuid in taken:
            emit(f.Replied(m.ControlReply("success", self._notes.pop(uuid)[0])))
        return bool(taken)

    def _steered(self, turn: Turn, prompts: Sequence[str], result: m.Result | None, emit: Emit) -> bool:
        """Whether the turn goes on with a prompt that was sent in its midst: then this result is not its end."""
        size = turn.steered(prompts)
        if size is None:
            return False
        self._activity = ""
        if size:
            emit(f.PartialDropped(size))
        emit(f.TurnSteered(turn.uuid, result))
        return True

    def _ask(self, message: m.ControlRequest, emit: Emit, *, changed: bool) -> None:
        ask = message.request
        if ask.subtype != "can_use_tool":
            emit(f.Send(lines.unsupported(message.request_id, ask.subtype)))
            return
        self._asked[message.request_id] = ask
        if changed:
            self._changed_input.add(message.request_id)
        summary = tool_summary(ask.input) or one_line(redact(ask.description or ""))
        emit(f.PermissionWanted(message.request_id, ask.tool_name, ask.input, summary))

    def _cancel(self, message: m.ControlCancel, emit: Emit) -> None:
        self._changed_input.discard(message.request_id)
        if self._asked.pop(message.request_id, None) is not None:
            why = self.turn.why_withdrawn if self.turn is not None else ""
            emit(f.PermissionWithdrawn(message.request_id, why))
