"""A scripted reply as the Messages API would send it: a message of blocks, or the events that stream it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.offline_model.limits import BYTES_PER_TOKEN, ended, tokens
from engine.offline_model.models import identifier
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

    def reply(self, model_request: ModelRequest) -> Reply:
        """The reply to a request; which tool round it is follows from the history alone."""
        if model_request.is_side_call:
            return self._made(model_request, [_text(_TITLE if model_request.wants_title else "Offline.")], "end_turn")
        if model_request.notice is not None:
            return self._made(model_request, [_text(answer_to_notice(model_request.notice))], "end_turn")
        script = model_request.script
        blocks = [_thinking(script.think)] if script.think and not model_request.rounds else []
        used = _tool_use(model_request)
        if used is not None:
            name, arguments = used
            identity = identifier("toolu", self._mark(model_request))
            blocks.append({"type": "tool_use", "id": identity, "name": name, "input": arguments})
            return self._made(model_request, blocks, "tool_use")
        return self._made(model_request, [*blocks, _text(self._words(model_request))], "end_turn")

    def _words(self, model_request: ModelRequest) -> str:
        """The text of the answer; the request's schema is honoured, by the scripted reply where it is JSON."""
        said = answer(
            model_request.script,
            prompts=model_request.prompts or [""],
            tool_said=model_request.tool_said,
            seed=self.seed,
        )
        if model_request.resumes and said.startswith(model_request.said):
            said = said[len(model_request.said) :]
        if model_request.schema is None:
            return said
        return said if _json_object(said) is not None else encoded(sample(model_request.schema)).decode()

    def refusal(self, model_request: ModelRequest) -> Reply:
        """The beginning of an answer that a safety classifier stopped."""
        return self._made(model_request, [_text("No ")], "refusal")

    def _made(self, model_request: ModelRequest, blocks: list[dict[str, Any]], stop: str) -> Reply:
        script = model_request.script
        sequences = model_request.body.stop_sequences or ()
        blocks, stop, sequence = ended(blocks, stop, max_tokens=model_request.max_tokens, stop_sequences=sequences)
        return Reply(
            id=identifier("msg", self._mark(model_request)),
            model=model_request.model,
            blocks=blocks,
            stop=stop,
            usage=_usage(model_request, blocks),
            delay=script.delay or self.delay,
            pace=script.pace or self.pace,
            sequence=sequence,
        )

    def _mark(self, model_request: ModelRequest) -> str:
        """Differs between any two messages of a conversation, equal when the same request comes again."""
        return f"{self.seed}/{model_request.turn}/{len(model_request.messages)}/{model_request.rounds}"


def _tool_use(model_request: ModelRequest) -> tuple[str, dict[str, Any]] | None:
    """The tool of this round: the script's next, the one that the request forces, or the one for its schema."""
    script, choice = model_request.script, model_request.choice
    if not model_request.body.tools or choice.type == "none":
        return None
    scripted = (
        None if script.problem or model_request.rounds >= len(script.tools) else script.tools[model_request.rounds]
    )
    if choice.type == "any" and scripted is None:
        return _filled_in(model_request, model_request.body.tools[0].name)
    if choice.type == "tool" and (scripted is None or scripted[0] != choice.name):
        return _filled_in(model_request, choice.name)
    if scripted is None and model_request.tool(STRUCTURED_OUTPUT) and STRUCTURED_OUTPUT not in model_request.used:
        return _filled_in(model_request, STRUCTURED_OUTPUT)
    return scripted


def _filled_in(model_request: ModelRequest, name: str) -> tuple[str, dict[str, Any]]:
    """A use of a tool that the script says nothing about: its scripted JSON reply, else the smallest valid input."""
    said = _json_object(model_request.script.reply or "") if name == STRUCTURED_OUTPUT else None
    tool = model_request.tool(name)
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


def _usage(model_request: ModelRequest, blocks: list[dict[str, Any]]) -> dict[str, int]:
    """Token counts by a fixed rule: the first request of a conversation writes the cache, later ones read it."""
    fresh = len(model_request.prompt) // BYTES_PER_TOKEN + 1
    known = max(0, model_request.size // BYTES_PER_TOKEN - fresh)
    first = len(model_request.prompts) <= 1 and not model_request.rounds
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": known if first else 0,
        "cache_read_input_tokens": 0 if first else known,
        "output_tokens": tokens(blocks, model_request.max_tokens),
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
