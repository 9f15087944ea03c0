"""Where a reply ends before its end: at a stop sequence or at the request's `max_tokens`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

BYTES_PER_TOKEN = 4
"""How many characters count as one token, on the way in and out."""

Block = dict[str, Any]


class Ended(NamedTuple):
    """What is left of the blocks and why they end."""

    blocks: list[Block]
    stop: str
    sequence: str | None


def ended(blocks: list[Block], stop: str, *, max_tokens: int, stop_sequences: Sequence[str]) -> Ended:
    """The blocks as far as the request lets them go; a tool use that does not fit is left out."""
    blocks, sequence = _before_sequence(blocks, [each for each in stop_sequences if each])
    if sequence is not None:
        stop = "stop_sequence"
    left = max_tokens * BYTES_PER_TOKEN
    kept: list[Block] = []
    for block in blocks:
        size = _characters(block)
        if size <= left:
            kept.append(block)
            left -= size
            continue
        name = "text" if block["type"] == "text" else "thinking"
        if name in block and left:
            kept.append({**block, name: block[name][:left]})
        return Ended(kept, "max_tokens", None)
    return Ended(kept, stop, sequence)


def tokens(blocks: Sequence[Block], max_tokens: int) -> int:
    """How many tokens the blocks count."""
    counted = sum(map(_characters, blocks))
    return min(-(-counted // BYTES_PER_TOKEN), max_tokens)


def _before_sequence(blocks: list[Block], sequences: Sequence[str]) -> tuple[list[Block], str | None]:
    """The blocks up to the first stop sequence in a text, and which it was."""
    for index, block in enumerate(blocks):
        if block["type"] != "text":
            continue
        found = [(at, each) for each in sequences if (at := block["text"].find(each)) >= 0]
        if found:
            at, sequence = min(found)
            cut = [{**block, "text": block["text"][:at]}] if at else []
            return [*blocks[:index], *cut], sequence
    return blocks, None


def _characters(block: Block) -> int:
    if block["type"] == "text":
        return len(block["text"])
    if block["type"] == "thinking":
        return len(block["thinking"])
    return len(block["name"]) + len(json.dumps(block["input"]))
