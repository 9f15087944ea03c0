"""What a request to the Messages API asks for: bytes of a body in, the facts that a scripted reply needs out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import msgspec
from msgspec import Raw

from engine.offline.script import Script, digest, is_injected, read_script

_TITLE_FORMAT = b'"title"'


class Block(msgspec.Struct):
    """The part of a content block that replies depend on."""

    type: str = ""
    text: str = ""
    tool_use_id: str = ""
    content: Raw = Raw(b"null")


class Message(msgspec.Struct):
    """One message of the history; its content is a text or a list of blocks."""

    role: str
    content: str | list[Block] = ""


class Body(msgspec.Struct):
    """The fields of a Messages API request that replies depend on."""

    messages: list[Message]
    model: str = "claude"
    stream: bool = False
    max_tokens: int = 0
    system: Raw = Raw(b"null")
    tools: Raw = Raw(b"null")
    output_config: Raw = Raw(b"null")


_read_body = msgspec.json.Decoder(Body).decode
_read_any = msgspec.json.decode


@dataclass
class Asked:
    """One request, read: the real prompts in order and the tool results since the last one."""

    body: Body
    size: int
    session: str
    prompts: list[str]
    rounds: int
    tool_said: str | None

    @property
    def prompt(self) -> str:
        """The prompt that is to be answered, empty when there is none."""
        return self.prompts[-1] if self.prompts else ""

    @cached_property
    def script(self) -> Script:
        """The directives of the prompt."""
        return read_script(self.prompt)

    @cached_property
    def turn(self) -> str:
        """A key that is the same for all requests of one turn: retries, fallbacks and tool rounds."""
        return f"{self.session}/{len(self.prompts)}/{digest(self.prompts)}"

    @property
    def is_side_call(self) -> bool:
        """Whether this is the CLI's own errand (a title, a summary, a quota check) and not a turn."""
        return not self.has_tools and (self.wants_title or self.body.max_tokens == 1 or not self.body.stream)

    @property
    def has_tools(self) -> bool:
        """Whether the request offers tools, as every main request of the CLI does unless told not to."""
        return bytes(self.body.tools) not in {b"null", b"[]"}

    @property
    def wants_title(self) -> bool:
        """Whether the answer must be a JSON object with a title."""
        return _TITLE_FORMAT in bytes(self.body.output_config)


def read_asked(body: bytes, session: str) -> Asked:
    """The request in `body`; msgspec.MsgspecError when it is none."""
    decoded = _read_body(body)
    prompts: list[str] = []
    rounds = 0
    tool_said: str | None = None
    for message in decoded.messages:
        if message.role != "user":
            continue
        blocks = message.content if isinstance(message.content, list) else [Block("text", message.content)]
        for block in blocks:
            if block.type == "tool_result":
                rounds += 1
                tool_said = _text_of(block.content)
            elif block.type == "text" and block.text.strip() and not is_injected(block.text):
                prompts.append(block.text)
                rounds, tool_said = 0, None
    return Asked(decoded, len(body), session, prompts, rounds, tool_said)


def _text_of(content: Raw) -> str:
    """The text of a tool result, which is a text or a list of blocks."""
    value = _read_any(content)
    if isinstance(value, list):
        return "\n".join(str(part.get("text", "")) for part in value if isinstance(part, dict))
    return str(value or "")
