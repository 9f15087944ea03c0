"""The sans-IO protocol machine of one session: bytes in, facts out; our wishes in, bytes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.sessions import facts as f
from engine.sessions import lines
from engine.sessions import messages as m
from engine.sessions.decoding import BadLine, Received, block_of, blocks_of, decode_line
from engine.sessions.framing import MAX_LINE, LineSplitter, OversizedLine
from engine.sessions.summaries import tool_summary

Emit = Callable[[f.Fact], None]
MAX_TOOLS = 256
"""Uses of tools of one turn whose results are waited for; at the bound the oldest is forgotten."""


class BusyError(RuntimeError):
    """A second turn was begun while one is in flight; several queued lines would merge into one result."""


@dataclass(slots=True)
class Turn:
    """The turn in flight: `text` is what streamed so far, `open_from` where the unfinished message begins.

    `tools` names the tool of each use whose result is to come.
    """

    uuid: str
    prompt: str
    interrupted: bool = False
    text: list[str] = field(default_factory=list)
    open_from: int | None = None
    tools: dict[str, str] = field(default_factory=dict)

    def uses(self, use: str, tool: str) -> None:
        """A tool is about to be used."""
        self.tools[use] = tool
        if len(self.tools) > MAX_TOOLS:
            del self.tools[next(iter(self.tools))]

    def drop_partial(self) -> int:
        """Forget the unfinished message's text; return its length in characters."""
        if self.open_from is None:
            return 0
        size = sum(map(len, self.text[self.open_from :]))
        del self.text[self.open_from :]
        self.open_from = None
        return size


class SessionMachine:
    """Owner of one session's protocol state. `new_id` gives fresh uuids. One turn in flight at most."""

    def __init__(self, new_id: Callable[[], str], max_line: int = MAX_LINE) -> None:
        self._new_id = new_id
        self._splitter = LineSplitter(max_line)
        self._activity = ""
        self._asked: dict[str, m.ControlAsk] = {}
        self.turn: Turn | None = None
        self.conversation = ""

    def begin(self, prompt: str) -> bytes:
        """Begin a turn; write what this returns. Raises BusyError when one is in flight."""
        if self.turn is not None:
            raise BusyError(f"turn {self.turn.uuid} is in flight")
        self.turn = Turn(self._new_id(), prompt)
        self._activity = ""
        return lines.user(prompt, self.turn.uuid)

    def interrupt(self) -> bytes:
        """Ask the CLI to end the turn and everything that it still queues."""
        if self.turn is not None:
            self.turn.interrupted = True
        return lines.control(self._new_id(), "interrupt", cancel_queued=True)

    def request(self, subtype: str, **fields: Any) -> tuple[str, bytes]:
        """A control request: the id that its reply will carry, and the bytes to write."""
        request_id = self._new_id()
        return request_id, lines.control(request_id, subtype, **fields)

    def answer(self, permission: str, *, allowed: bool, message: str = "", interrupt: bool = False) -> bytes | None:
        """Answer a permission; None when the CLI no longer asks for it."""
        ask = self._asked.pop(permission, None)
        if ask is None:
            return None
        if allowed:
            return lines.allow(permission, ask.input)
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
        turn, self.turn = self.turn, None
        self._asked.clear()
        return "".join(turn.text) if turn is not None else ""

    def _take(self, line: bytes | OversizedLine, emit: Emit) -> None:
        if isinstance(line, OversizedLine):
            emit(f.FaultSeen(f"a line of {line.size} bytes is over the limit", ""))
            return
        received = decode_line(line)
        if isinstance(received, BadLine):
            emit(f.FaultSeen(received.reason, received.excerpt))
            return
        self._dispatch(received, emit)

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
            case m.ControlResponse() as message:
                emit(f.Replied(message.response))
            case m.ControlRequest() as message:
                self._ask(message, emit)
            case m.ControlCancel() as message:
                self._cancel(message, emit)
            case m.ConversationReset() as message:
                self._name(message.new_conversation_id, emit)
            case m.RateLimitEvent() as message:
                info = message.rate_limit_info
                emit(f.LimitReported(info.status, info.rateLimitType or "", info.resetsAt))

    def _stream_event(self, message: m.StreamEvent, emit: Emit) -> None:
        turn, event = self.turn, message.event
        if turn is None or message.parent_tool_use_id:
            return
        if event.type == "content_block_delta":
            self._delta(turn, event.delta, emit)
        elif event.type == "message_start":
            self._drop_partial(turn, emit)
            turn.open_from = len(turn.text)
        elif event.type == "message_stop":
            turn.open_from = None
        elif event.type == "content_block_start" and (block := block_of(event.content_block)):
            words = {"text": "writing", "thinking": "thinking"}
            self._act(words.get(block.type, block.name or block.type), emit)

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
        for block in blocks_of(message.message):
            if block.type == "tool_use":
                summary = tool_summary(block.input)
                if message.parent_tool_use_id is None:
                    self._act(f"{block.name} {summary}".rstrip(), emit)
                emit(f.Said("tool", block.name, summary))
                if self.turn is not None and block.id:
                    self.turn.uses(block.id, block.name)
            elif block.type == "thinking":
                emit(f.Said("think", "", block.thinking))
            elif block.type == "text":
                emit(f.Said("error" if message.error else "assistant", message.error or "", block.text))

    def _user(self, message: m.User, emit: Emit) -> None:
        if message.isReplay:
            return
        for block in blocks_of(message.message):
            if block.type == "tool_result":
                text = "\n".join(part.text for part in blocks_of(m.Body(content=block.content)))
                emit(f.Said("error" if block.is_error else "result", "", text))
                self._tool_ended(block, text, emit)
            elif block.type == "text":
                emit(f.Said("note", "", block.text))

    def _tool_ended(self, block: m.Block, text: str, emit: Emit) -> None:
        tool = self.turn.tools.pop(block.tool_use_id, "") if self.turn is not None else ""
        if tool and self.turn is not None and not self.turn.interrupted:
            emit(f.ToolEnded(tool, bool(block.is_error), text))

    def _system(self, message: m.System, emit: Emit) -> None:
        if message.subtype == "init":
            self._name(message.session_id, emit)
        elif message.subtype == "api_retry":
            if self.turn is not None:
                self._drop_partial(self.turn, emit)
            delay = (message.retry_delay_ms or 0.0) / 1000
            emit(f.RetryReported(message.attempt or 0, delay, message.error_status, message.error or ""))
        elif message.subtype in {"compact_boundary", "model_fallback", "session_writes_lost"}:
            emit(f.Said("note", message.subtype, ""))

    def _name(self, conversation: str, emit: Emit) -> None:
        if conversation and conversation != self.conversation:
            self.conversation = conversation
            emit(f.ConversationNamed(conversation))

    def _result(self, result: m.Result, received: Received, emit: Emit) -> None:
        turn = self.turn
        if turn is None or not result.answers(turn.uuid):
            emit(f.FaultSeen("a result that answers no turn of ours", received.line[:200].decode("utf-8", "replace")))
            return
        self._name(result.session_id, emit)
        self.turn = None
        self._asked.clear()
        if result.is_error and result.result is None:
            emit(f.Said("error", result.terminal_reason or result.subtype, "; ".join(result.errors or ())))
        emit(f.TurnFinished(result, turn.interrupted))

    def _ask(self, message: m.ControlRequest, emit: Emit) -> None:
        ask = message.request
        if ask.subtype != "can_use_tool":
            emit(f.Send(lines.unsupported(message.request_id, ask.subtype)))
            return
        self._asked[message.request_id] = ask
        summary = tool_summary(ask.input) or ask.description or ""
        emit(f.PermissionWanted(message.request_id, ask.tool_name, ask.input, summary))

    def _cancel(self, message: m.ControlCancel, emit: Emit) -> None:
        if self._asked.pop(message.request_id, None) is not None:
            emit(f.PermissionWithdrawn(message.request_id))
