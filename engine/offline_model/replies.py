"""A scripted reply as the Messages API would send it: a message of blocks, or the events that stream it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.offline_model.identifiers import identifier
from engine.offline_model.limits import BYTES_PER_TOKEN, ended, tokens
from engine.offline_model.request import STRUCTURED_OUTPUT, ModelRequest
from engine.offline_model.schemas import sample
from engine.offline_model.script import answer, answer_to_notice, deltas

_SIGNATURE = "b2ZmbGluZQ=="
_TITLE = '{"title": "Offline conversation"}'

_encode = msgspec.json.Encoder().encode


def encoded(value: object) -> bytes:
    """JSON; what UTF-8 cannot hold (half of a surrogate pair) is written as an escape, as the API writes it."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode("ascii")


@dataclass(frozen=True, slots=True)
class Reply:
    """One assistant message; `stop` is its stop_reason, `pace` seconds between two pieces of text."""

    id: str
    model: str
    blocks: list[dict[str, Any]]
    stop: str
    usage: dict[str, int]
    delay: float = 0.0
    pace: float = 0.0
    sequence: str | None = None

    def message(self) -> dict[str, Any]:
        """The whole message, as a non-streaming request gets it."""
        end = {"stop_reason": self.stop, "stop_sequence": self.sequence}
        return {**self._shell(), "content": self.blocks, **end, "usage": self.usage}

    def opening(self) -> dict[str, Any]:
        """The first event of the stream."""
        return {"type": "message_start", "message": {**self._shell(), "usage": {**self.usage, "output_tokens": 1}}}

    def closing(self) -> list[dict[str, Any]]:
        """The last events of the stream."""
        delta = {"stop_reason": self.stop, "stop_sequence": self.sequence}
        usage = {"output_tokens": self.usage["output_tokens"]}
        return [{"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]

    def events(self) -> Iterator[dict[str, Any]]:
        """The whole stream."""
        yield self.opening()
        for index, block in enumerate(self.blocks):
            yield from _block_events(index, block)
        yield from self.closing()

    def _shell(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": self.usage,
        }


@dataclass(frozen=True, slots=True)
class Author:
    """Writes the replies; the same seed and the same request give the same bytes."""

    seed: int = 0
    delay: float = field(default=0.0)
    pace: float = field(default=0.0)

    def reply(self, asked: ModelRequest) -> Reply:
        """The reply to a request; which tool round it is follows from the history alone."""
        if asked.is_side_call:
            return self._made(asked, [_text(_TITLE if asked.wants_title else "Offline.")], "end_turn")
        if asked.notice is not None:
            return self._made(asked, [_text(answer_to_notice(asked.notice))], "end_turn")
        script = asked.script
        blocks = [_thinking(script.think)] if script.think and not asked.rounds else []
        used = _tool_use(asked)
        if used is not None:
            name, arguments = used
            identity = identifier("toolu", self._mark(asked))
            blocks.append({"type": "tool_use", "id": identity, "name": name, "input": arguments})
            return self._made(asked, blocks, "tool_use")
        return self._made(asked, [*blocks, _text(self._words(asked))], "end_turn")

    def _words(self, asked: ModelRequest) -> str:
        """The text of the answer; the request's schema is honoured, by the scripted reply where it is JSON."""
        said = answer(asked.script, prompts=asked.prompts or [""], tool_said=asked.tool_said, seed=self.seed)
        if asked.resumes and said.startswith(asked.said):
            said = said[len(asked.said) :]
        if asked.schema is None:
            return said
        return said if _json_object(said) is not None else encoded(sample(asked.schema)).decode()

    def refusal(self, asked: ModelRequest) -> Reply:
        """The beginning of an answer that a safety classifier stopped."""
        return self._made(asked, [_text("No ")], "refusal")

    def _made(self, asked: ModelRequest, blocks: list[dict[str, Any]], stop: str) -> Reply:
        script = asked.script
        sequences = asked.body.stop_sequences or ()
        blocks, stop, sequence = ended(blocks, stop, max_tokens=asked.max_tokens, stop_sequences=sequences)
        return Reply(
            id=identifier("msg", self._mark(asked)),
            model=asked.model,
            blocks=blocks,
            stop=stop,
            usage=_usage(asked, blocks),
            delay=script.delay or self.delay,
            pace=script.pace or self.pace,
            sequence=sequence,
        )

    def _mark(self, asked: ModelRequest) -> str:
        """Differs between any two messages of a conversation, equal when the same request comes again."""
        return f"{self.seed}/{asked.turn}/{len(asked.messages)}/{asked.rounds}"


def _tool_use(asked: ModelRequest) -> tuple[str, dict[str, Any]] | None:
    """The tool of this round: the script's next, the one that the request forces, or the one for its schema."""
    script, choice = asked.script, asked.choice
    if not asked.body.tools or choice.type == "none":
        return None
    scripted = None if script.problem or asked.rounds >= len(script.tools) else script.tools[asked.rounds]
    if choice.type == "any" and scripted is None:
        return _filled_in(asked, asked.body.tools[0].name)
    if choice.type == "tool" and (scripted is None or scripted[0] != choice.name):
        return _filled_in(asked, choice.name)
    if scripted is None and asked.tool(STRUCTURED_OUTPUT) and STRUCTURED_OUTPUT not in asked.used:
        return _filled_in(asked, STRUCTURED_OUTPUT)
    return scripted


def _filled_in(asked: ModelRequest, name: str) -> tuple[str, dict[str, Any]]:
    """A use of a tool that the script says nothing about: its scripted JSON reply, else the smallest valid input."""
    said = _json_object(asked.script.reply or "") if name == STRUCTURED_OUTPUT else None
    tool = asked.tool(name)
    value = said if said is not None else sample(tool.input_schema if tool else {})
    return name, value if isinstance(value, dict) else {}


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def sse(event: dict[str, Any]) -> bytes:
    """An event on the wire."""
    return b"event: " + str(event["type"]).encode() + b"\ndata: " + encoded(event) + b"\n\n"


def is_paced(event: dict[str, Any]) -> bool:
    """Whether the pace of the script holds before this event: before each piece of text."""
    return event["type"] == "content_block_delta" and "text" in event["delta"]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _thinking(text: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, "signature": _SIGNATURE}


def _usage(asked: ModelRequest, blocks: list[dict[str, Any]]) -> dict[str, int]:
    """Token counts by a fixed rule: the first request of a conversation writes the cache, later ones read it."""
    fresh = len(asked.prompt) // BYTES_PER_TOKEN + 1
    known = max(0, asked.size // BYTES_PER_TOKEN - fresh)
    first = len(asked.prompts) <= 1 and not asked.rounds
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": known if first else 0,
        "cache_read_input_tokens": 0 if first else known,
        "output_tokens": tokens(blocks, asked.max_tokens),
    }


def _block_events(index: int, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"type": "content_block_start", "index": index, "content_block": _empty(block)}
    for delta in _block_deltas(block):
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _empty(block: dict[str, Any]) -> dict[str, Any]:
    empty = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {key: empty.get(key, value) for key, value in block.items()}


def _block_deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "text":
        for piece in deltas(block["text"]):
            yield {"type": "text_delta", "text": piece}
    elif block["type"] == "thinking":
        yield {"type": "thinking_delta", "thinking": block["thinking"]}
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        yield {"type": "input_json_delta", "partial_json": encoded(block["input"]).decode()}
