"""The lines that the agent writes, as the CLI writes them (captured from 2.1.330 on the offline model)."""

from __future__ import annotations

import json
import os
import time

VERSION = "2.1.330-simulator"
DEFAULT_MODEL = "claude-simulator"

CONTEXT_WINDOW = 1_000_000
MOST_OUTPUT_TOKENS = 128_000
CAPABILITIES = ["interrupt_receipt_v1", "interrupt_cancel_queued_v1", "msg_lifecycle_v1"]
TOOLS = ("Task", "Bash", "Edit", "Read", "Write")
COMMANDS = ("clear",)

_INPUT_USD, _OUTPUT_USD, _READ_USD, _WRITE_USD = 4e-6, 20e-6, 0.2e-6, 5e-6

Line = dict[str, object]


def new_uuid() -> str:
    """A random uuid4; the module `uuid` costs more start time than this."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def now() -> str:
    """The time of day as the CLI writes it."""
    seconds = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}Z"


def write_line(line: Line) -> None:
    """One JSON line on stdout, in one piece."""
    write_bytes(json.dumps(line, separators=(",", ":")).encode("utf-8") + b"\n")


def write_bytes(data: bytes) -> None:
    """Bytes on stdout; waits while the reader is slow, so nothing is buffered without a bound."""
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


def lifecycle(uuid: str, state: str, session: str) -> Line:
    """Where a user line is: queued, started, completed or cancelled."""
    return {
        "type": "command_lifecycle",
        "command_uuid": uuid,
        "state": state,
        "uuid": new_uuid(),
        "session_id": session,
    }


def init(session: str, model: str, mode: str, *, style: str = "default", **fields: object) -> Line:
    """The first line of every turn; the fields are what the agent has: tools, agents, servers, commands."""
    return {
        "type": "system",
        "subtype": "init",
        "cwd": os.getcwd(),  # noqa: PTH109 - pathlib costs start time
        "session_id": session,
        "tools": list(TOOLS),
        "mcp_servers": [],
        "model": model,
        "permissionMode": mode,
        "slash_commands": list(COMMANDS),
        "apiKeySource": "none",
        "claude_code_version": VERSION,
        "output_style": style,
        "agents": [],
        "skills": [],
        "plugins": [],
        "capabilities": CAPABILITIES,
        "uuid": new_uuid(),
        **fields,
    }


def conversation_reset(session: str, uuids: list[str]) -> Line:
    """`/clear` went through; `session` is the conversation that ends."""
    fresh = new_uuid()
    return {
        "type": "conversation_reset",
        "new_conversation_id": fresh,
        "uuid": fresh,
        "trigger": "clear",
        "user_message_uuid": uuids[-1] if uuids else None,
        "timestamp": now(),
        "session_id": session,
    }


def system(subtype: str, session: str, **fields: object) -> Line:
    """Any other `system/*` line."""
    return {"type": "system", "subtype": subtype, **fields, "session_id": session, "uuid": new_uuid()}


def task(subtype: str, session: str, **fields: object) -> Line:
    """A line about tasks; its last two fields stand the other way round."""
    return {"type": "system", "subtype": subtype, **fields, "uuid": new_uuid(), "session_id": session}


def stream_event(event: Line, session: str, message_id: str, **fields: object) -> Line:
    """A partial message; the fields are `ttft_ms` and the user lines on the first of a message."""
    return {
        "type": "stream_event",
        "event": event,
        "session_id": session,
        "parent_tool_use_id": None,
        "uuid": new_uuid(),
        "api_message_id": message_id,
        **fields,
    }


def assistant(message: Line, session: str, **fields: object) -> Line:
    """A finished block, an aborted one, or a synthetic one that reports an API failure."""
    return {
        "type": "assistant",
        "message": message,
        "parent_tool_use_id": None,
        "session_id": session,
        "uuid": new_uuid(),
        "timestamp": now(),
        **fields,
    }


def user(content: object, session: str, **fields: object) -> Line:
    """A tool's result, or a text that the CLI puts in."""
    return {
        "type": "user",
        "message": {"role": "user", "content": content},
        "parent_tool_use_id": None,
        "session_id": session,
        "uuid": new_uuid(),
        "timestamp": now(),
        **fields,
    }


def message(message_id: str, model: str, content: list[Line], usage: Line) -> Line:
    """An assistant message as it stands in the middle of a turn."""
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
        "context_management": None,
    }


class Tokens:
    """Token counts of a turn or of the whole process, by class."""

    __slots__ = ("fresh", "output", "read", "written")

    def __init__(self) -> None:
        self.fresh = 0
        self.written = 0
        self.read = 0
        self.output = 0

    def add(self, other: Tokens) -> None:
        """Count `other` in."""
        self.fresh += other.fresh
        self.written += other.written
        self.read += other.read
        self.output += other.output

    @property
    def cost_usd(self) -> float:
        """The price at the CLI's list prices."""
        fresh = self.fresh * _INPUT_USD + self.output * _OUTPUT_USD
        return round(fresh + self.read * _READ_USD + self.written * _WRITE_USD, 9)

    def usage(self) -> Line:
        """As the API counts."""
        return {
            "input_tokens": self.fresh,
            "cache_creation_input_tokens": self.written,
            "cache_read_input_tokens": self.read,
            "output_tokens": self.output,
        }

    def model_usage(self, model: str) -> Line:
        """As the CLI counts by model."""
        return {
            "inputTokens": self.fresh,
            "outputTokens": self.output,
            "cacheReadInputTokens": self.read,
            "cacheCreationInputTokens": self.written,
            "webSearchRequests": 0,
            "costUSD": self.cost_usd,
            "contextWindow": CONTEXT_WINDOW,
            "maxOutputTokens": MOST_OUTPUT_TOKENS,
            "thinkingTokens": 0,
            "canonicalModel": model,
            "provider": "firstParty",
            "costBasis": "list",
        }


class Spending:
    """What was spent, by model."""

    def __init__(self) -> None:
        self._by_model: dict[str, Tokens] = {}

    def add(self, model: str, tokens: Tokens) -> None:
        """Count one API message in."""
        self._by_model.setdefault(model, Tokens()).add(tokens)

    @property
    def cost_usd(self) -> float:
        """The sum over all models."""
        return round(sum(tokens.cost_usd for tokens in self._by_model.values()), 9)

    def model_usage(self) -> Line:
        """As the CLI counts by model; empty before the first answer."""
        return {model: tokens.model_usage(model) for model, tokens in self._by_model.items()}

    def restore(self, model_usage: object) -> None:
        """Start from what an earlier process spent on the conversation."""
        for model, usage in (model_usage if isinstance(model_usage, dict) else {}).items():
            known = Tokens()
            known.fresh = _count(usage, "inputTokens")
            known.output = _count(usage, "outputTokens")
            known.read = _count(usage, "cacheReadInputTokens")
            known.written = _count(usage, "cacheCreationInputTokens")
            self.add(str(model), known)


def _count(usage: object, name: str) -> int:
    found = usage.get(name) if isinstance(usage, dict) else 0
    return found if isinstance(found, int) else 0
