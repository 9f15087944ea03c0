"""What a request to the Messages API asks for: bytes of a body in, the facts that a scripted reply needs out."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from engine.offline_model.script import RESUME_NOTE, Script, digest, is_injected, notified, read_script
from engine.offline_model.scripted_replies import ScriptedReplies

STRUCTURED_OUTPUT = "StructuredOutput"
"""The tool through which the CLI asks for an answer of a given schema."""

_TITLE_FORMAT = b'"title"'
_ROLES = ("user", "assistant", "system")


class BadBody(Exception):
    """A request that the API refuses with 400 and this message."""


class Block(msgspec.Struct):
    """The part of a content block that replies depend on."""

    type: str = ""
    text: str = ""
    name: str = ""
    tool_use_id: str = ""
    content: Raw = Raw(b"null")


class Message(msgspec.Struct):
    """One message of the history; its content is a text or a list of blocks."""

    role: str
    content: str | list[Block] = ""


class Tool(msgspec.Struct):
    """A tool that the request offers."""

    name: str = ""
    input_schema: dict[str, Any] = {}


class ToolChoice(msgspec.Struct):
    """How the model may use the tools: auto, any, tool (with a name) or none."""

    type: str = "auto"
    name: str = ""


class Format(msgspec.Struct):
    """The form that the answer must have."""

    type: str = ""
    schema: dict[str, Any] = {}


class OutputConfig(msgspec.Struct):
    """What the request says about the answer's form."""

    format: Format | None = None


class Body(msgspec.Struct):
    """The fields of a Messages API request that replies depend on."""

    model: str | UnsetType = UNSET
    max_tokens: int | UnsetType = UNSET
    messages: list[Message] | UnsetType = UNSET
    stream: bool = False
    system: Raw = Raw(b"null")
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    stop_sequences: list[str] | None = None
    output_config: OutputConfig | None = None


_read_body = msgspec.json.Decoder(Body).decode
_read_any = msgspec.json.decode


@dataclass
class ModelRequest:
    """One request, read: the real prompts in order, the tools used and the tool results since the last one."""

    body: Body
    model: str
    max_tokens: int
    messages: list[Message]
    size: int
    session: str
    from_cli: bool
    replies: ScriptedReplies = field(default_factory=ScriptedReplies)
    prompts: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    rounds: int = 0
    tool_said: str | None = None
    said: str = ""
    resumes: bool = False
    notice: str | None = None

    @property
    def prompt(self) -> str:
        """The prompt that is to be answered, empty when there is none."""
        return self.prompts[-1] if self.prompts else ""

    @cached_property
    def script(self) -> Script:
        """The directives of the prompt, or of the scripted reply to it."""
        return read_script(self.replies.script_for(self.prompt))

    @cached_property
    def turn(self) -> str:
        """A key that is the same for all requests of one turn: retries, fallbacks and tool rounds."""
        return f"{self.session}/{len(self.prompts)}/{digest(self.prompts)}"

    @property
    def is_side_call(self) -> bool:
        """Whether this is the CLI's own errand (a title, a summary, a quota check) and not a turn."""
        if not self.from_cli or self.body.tools:
            return False
        return self.wants_title or self.max_tokens == 1 or not self.body.stream

    @property
    def choice(self) -> ToolChoice:
        """How the tools may be used."""
        return self.body.tool_choice or ToolChoice()

    def tool(self, name: str) -> Tool | None:
        """The offered tool of that name."""
        return next((tool for tool in self.body.tools or () if tool.name == name), None)

    @property
    def schema(self) -> dict[str, Any] | None:
        """The JSON schema that the text of the answer must conform to."""
        config = self.body.output_config
        wanted = config.format if config else None
        return wanted.schema if wanted is not None and wanted.type == "json_schema" else None

    @property
    def wants_title(self) -> bool:
        """Whether the answer must be a JSON object with a title."""
        return self.schema is not None and _TITLE_FORMAT in msgspec.json.encode(self.schema)

    def take(self, message: Message) -> None:
        """Count one message of the history in."""
        blocks = message.content if isinstance(message.content, list) else [Block("text", message.content)]
        if message.role == "assistant":
            self.used += [block.name for block in blocks if block.type == "tool_use"]
            self.said += "".join(block.text for block in blocks if block.type == "text")
            return
        results = [block for block in blocks if block.type == "tool_result"]
        texts = [block.text for block in blocks if block.type == "text" and block.text.strip()]
        for block in results:
            self.rounds += 1
            self.tool_said, self.notice = _text_of(block.content), None
        self.resumes = any(text.startswith(RESUME_NOTE) for text in texts)
        prompts = [text for text in texts if not is_injected(text)]
        if prompts:
            self.prompts += prompts
            self._start_turn(None)
        elif not results:
            notices = [notice for text in texts if (notice := notified(text)) is not None]
            if notices:
                self._start_turn(notices[-1])

    def _start_turn(self, notice: str | None) -> None:
        self.used, self.rounds, self.tool_said, self.notice = [], 0, None, notice
        self.said = ""


def read_request(
    body: bytes, session: str, *, from_cli: bool = False, replies: ScriptedReplies | None = None
) -> ModelRequest:
    """The request in `body`. Raises BadBody with the API's own words."""
    try:
        decoded = _read_body(body)
    except msgspec.ValidationError as problem:
        raise BadBody(_worded(str(problem))) from problem
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise BadBody(f"The request body is not valid JSON: {problem}") from problem
    model, max_tokens, messages = _required(decoded)
    model_request = ModelRequest(
        decoded, model, max_tokens, messages, len(body), session, from_cli, replies or ScriptedReplies()
    )
    for message in messages:
        if message.role != "system":
            model_request.take(message)
    return model_request


def _required(body: Body) -> tuple[str, int, list[Message]]:
    """The three fields that every request must have, checked as the API checks them. Raises BadBody."""
    if isinstance(body.model, UnsetType):
        raise BadBody("model: Field required")
    if isinstance(body.max_tokens, UnsetType):
        raise BadBody("max_tokens: Field required")
    if isinstance(body.messages, UnsetType):
        raise BadBody("messages: Field required")
    if body.max_tokens < 0:
        raise BadBody("max_tokens: Input should be greater than or equal to 0")
    if not body.model:
        raise BadBody("model: String should have at least 1 character")
    if not body.messages:
        raise BadBody("messages: at least one message is required")
    for message in body.messages:
        if message.role not in _ROLES:
            raise BadBody(f'messages: Unexpected role "{message.role}". Allowed roles are "user" or "assistant"')
    _check_tool_choice(body)
    return body.model, body.max_tokens, body.messages


def _check_tool_choice(body: Body) -> None:
    choice = body.tool_choice
    if choice is None or choice.type == "none":
        return
    if not body.tools:
        raise BadBody("tool_choice: tool_choice may only be specified while providing tools")
    if choice.type not in {"auto", "any", "tool"}:
        tags = "'auto', 'any', 'tool', 'none'"
        raise BadBody(
            f"tool_choice: Input tag '{choice.type}' found using 'type' does not match any of the expected tags: {tags}"
        )
    if choice.type == "tool" and not any(tool.name == choice.name for tool in body.tools):
        raise BadBody(f"tool_choice: Tool '{choice.name}' not found in provided tools")


_KINDS = {"str": "string", "int": "integer", "array": "list", "object": "dictionary", "bool": "boolean"}


def _worded(problem: str) -> str:
    """A complaint about a field's type in the API's words: `max_tokens: Input should be a valid integer`."""
    said, _, path = problem.partition(" - at `$")
    place = path.rstrip("`").replace("[...]", ".0").replace("[", ".").replace("]", "").strip(".")
    if "missing required field" in said:
        name = said.rpartition("field `")[2].rstrip("`")
        return f"{place}.{name}: Field required".lstrip(".")
    kind = said.removeprefix("Expected `").partition("`")[0].partition(" | ")[0]
    return f"{place or 'body'}: Input should be a valid {_KINDS.get(kind, kind)}"


def _text_of(content: Raw) -> str:
    """The text of a tool result, which is a text or a list of blocks."""
    value = _read_any(content)
    if isinstance(value, list):
        return "\n".join(str(part.get("text", "")) for part in value if isinstance(part, dict))
    return str(value or "")
