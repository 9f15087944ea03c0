"""A scripted reply as the Messages API would send it: a message of blocks, or the events that stream it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.offline.asked import Asked
from engine.offline.script import answer, deltas

BYTES_PER_TOKEN = 4
_SIGNATURE = "b2ZmbGluZQ=="
_TITLE = '{"title": "Offline conversation"}'

_encode = msgspec.json.Encoder().encode


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

    def message(self) -> dict[str, Any]:
        """The whole message, as a non-streaming request gets it."""
        return {**self._shell(), "content": self.blocks, "stop_reason": self.stop, "usage": self.usage}

    def opening(self) -> dict[str, Any]:
        """The first event of the stream."""
        return {"type": "message_start", "message": {**self._shell(), "usage": {**self.usage, "output_tokens": 1}}}

    def closing(self) -> list[dict[str, Any]]:
        """The last events of the stream."""
        delta = {"stop_reason": self.stop, "stop_sequence": None}
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

    def reply(self, asked: Asked) -> Reply:
        """The reply to a request; which tool round it is follows from the history alone."""
        if asked.is_side_call:
            return self._made(asked, [_text(_TITLE if asked.wants_title else "Offline.")], "end_turn")
        script = asked.script
        blocks = [_thinking(script.think)] if script.think and not asked.rounds else []
        if asked.rounds < len(script.tools) and not script.problem:
            name, arguments = script.tools[asked.rounds]
            blocks.append({"type": "tool_use", "id": f"toolu_{self._mark(asked)}", "name": name, "input": arguments})
            return self._made(asked, blocks, "tool_use")
        said = answer(script, prompts=asked.prompts or [""], tool_said=asked.tool_said, seed=self.seed)
        return self._made(asked, [*blocks, _text(said)], "end_turn")

    def refusal(self, asked: Asked) -> Reply:
        """The beginning of an answer that a safety classifier stopped."""
        return self._made(asked, [_text("No ")], "refusal")

    def _made(self, asked: Asked, blocks: list[dict[str, Any]], stop: str) -> Reply:
        script = asked.script
        return Reply(
            id=f"msg_{self._mark(asked)}",
            model=asked.body.model,
            blocks=blocks,
            stop=stop,
            usage=_usage(asked, blocks),
            delay=script.delay or self.delay,
            pace=script.pace or self.pace,
        )

    def _mark(self, asked: Asked) -> str:
        """Differs between any two messages of a conversation, equal when the same request comes again."""
        text = f"{self.seed}/{asked.turn}/{len(asked.body.messages)}/{asked.rounds}"
        return f"{zlib.crc32(text.encode()):08x}{len(asked.body.messages):04x}"


def sse(event: dict[str, Any]) -> bytes:
    """An event on the wire."""
    return b"event: " + str(event["type"]).encode() + b"\ndata: " + _encode(event) + b"\n\n"


def is_paced(event: dict[str, Any]) -> bool:
    """Whether the pace of the script holds before this event: before each piece of text."""
    return event["type"] == "content_block_delta" and "text" in event["delta"]


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _thinking(text: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": text, "signature": _SIGNATURE}


def _usage(asked: Asked, blocks: list[dict[str, Any]]) -> dict[str, int]:
    """Token counts by a fixed rule: the first request of a conversation writes the cache, later ones read it."""
    fresh = len(asked.prompt) // BYTES_PER_TOKEN + 1
    known = max(0, asked.size // BYTES_PER_TOKEN - fresh)
    first = len(asked.prompts) <= 1 and not asked.rounds
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": known if first else 0,
        "cache_read_input_tokens": 0 if first else known,
        "output_tokens": len(_encode(blocks)) // BYTES_PER_TOKEN + 1,
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
        yield {"type": "input_json_delta", "partial_json": _encode(block["input"]).decode()}
