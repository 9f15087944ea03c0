"""Which block of the main agent's message is being written, from the API events that the CLI passes on. Pure."""

from __future__ import annotations

from collections.abc import Callable

from engine.sessions import messages as m
from engine.sessions import protocol_events as f
from engine.sessions.decoding import block_of

Emit = Callable[[f.Fact], None]
_KINDS = {"text": "assistant", "thinking": "think"}
"""The transcript's kind of each kind of block; all others are tools."""


class PartialBlocks:
    """Owner of the block that is open; it reports each block's begin, its pieces, and its end or loss."""

    def __init__(self) -> None:
        self._open = False
        self._size = 0

    def take(self, event: m.ApiEvent, emit: Emit) -> None:
        """Take one API event of the main agent in."""
        match event.type:
            case "content_block_start":
                block = block_of(event.content_block) or m.Block()
                self._open, self._size = True, 0
                emit(f.BlockOpened(_KINDS.get(block.type, "tool"), block.name))
            case "content_block_delta" if self._open and event.delta is not None:
                self._grow(event.delta, emit)
            case "content_block_stop":
                self.finish(emit)
            case "message_start":
                self.drop("The reply broke off", emit)

    def finish(self, emit: Emit, lost: str = "") -> None:
        """The block's own line has come, or never will, which is why it is `lost`: nothing is open any more."""
        if self._open:
            self._open = False
            emit(f.BlockClosed(lost))

    def forget(self) -> None:
        """The process is gone: nothing is open, and nothing is reported."""
        self._open = False

    def drop(self, reason: str, emit: Emit) -> None:
        """The API call failed: what was written of the open block will be written again."""
        if not self._open:
            return
        size = self._size
        self.finish(emit)
        if size:
            emit(f.MessageReceived("note", "partial dropped", f"{reason}; {size} characters are written again."))

    def _grow(self, delta: m.ApiDelta, emit: Emit) -> None:
        if piece := delta.text or delta.thinking or delta.partial_json:
            self._size += len(piece)
            emit(f.BlockGrew(piece))
