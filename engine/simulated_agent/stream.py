"""One assistant message on its way out: its partial events, its finished blocks, or what is left of it when cut."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator

from engine.offline_model.script import deltas
from engine.simulated_agent import lines
from engine.simulated_agent.lines import Line, Tokens

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from engine.simulated_agent.conversation import Conversation


class AssistantMessage:
    """Writes one message; `marks` are the fields that tie its first lines to the user lines."""

    def __init__(self, talk: Conversation, prompt: str, number: int, said: str, marks: Line) -> None:
        mark = zlib.crc32(f"{talk.session}/{prompt}".encode("utf-8", "replace"))
        self.id = f"msg_{mark:08x}{len(talk.prompts):04x}{number:02x}"
        self._request_id = f"req_{mark:08x}{len(talk.prompts):04x}{number:02x}"
        self._talk = talk
        self._marks = marks
        self._partial = ""
        self.usage: Tokens = talk.count(prompt, said)

    def open(self, ttft_ms: int) -> None:
        """The first event."""
        opening = lines.message(self.id, self._talk.model, [], self.usage.usage())
        self._event({"type": "message_start", "message": opening}, ttft_ms=ttft_ms, **self._marks)

    def block(self, index: int, block: Line) -> Iterator[bool]:
        """Write one block; stops before each piece and yields whether the block's middle is reached."""
        empty: Line = {"text": "", "thinking": "", "signature": "", "input": {}}
        start = {key: empty.get(key, value) for key, value in block.items()}
        self._event({"type": "content_block_start", "index": index, "content_block": start})
        pieces = _pieces(block)
        for count, delta in enumerate(pieces):
            yield count == len(pieces) // 2
            self._event({"type": "content_block_delta", "index": index, "delta": delta})
            self._partial += str(delta.get("text", ""))
        self._finish(block)
        self._event({"type": "content_block_stop", "index": index})

    def extra_event(self) -> None:
        """One more event that means nothing."""
        self._event({"type": "ping"})

    def close(self, stop: str | None) -> None:
        """The last events; from here on the message is paid for."""
        delta = {"stop_reason": stop, "stop_sequence": None}
        usage = {"output_tokens": self.usage.output}
        self._event({"type": "message_delta", "delta": delta, "usage": usage})
        self._event({"type": "message_stop"})
        self._talk.spend(self.usage)

    def cut(self) -> str:
        """The end of an interrupted message: the text so far is kept."""
        said = self._partial
        if said:
            partial = self._whole({"type": "text", "text": self._partial})
            line = lines.assistant(
                partial, self._talk.session, aborted=True, request_id=self._request_id, **self._marks
            )
            lines.write_line(line)
            self._talk.keep("assistant", partial, str(line["uuid"]))
        self.close(None)
        return said

    def _finish(self, block: Line) -> None:
        self._partial = ""
        whole = self._whole(block)
        line = lines.assistant(whole, self._talk.session, request_id=self._request_id, **self._marks)
        lines.write_line(line)
        self._talk.keep("assistant", whole, str(line["uuid"]))

    def _whole(self, block: Line) -> Line:
        return lines.message(self.id, self._talk.model, [block], self.usage.usage())

    def _event(self, event: Line, **fields: object) -> None:
        if self._talk.partial:
            lines.write_line(lines.stream_event(event, self._talk.session, self.id, **fields))


def _pieces(block: Line) -> list[Line]:
    """The deltas of a block."""
    if block["type"] == "text":
        return [{"type": "text_delta", "text": piece} for piece in deltas(str(block["text"]))]
    if block["type"] == "thinking":
        thinking: Line = {"type": "thinking_delta", "thinking": block["thinking"]}
        return [thinking, {"type": "signature_delta", "signature": block["signature"]}]
    return [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
