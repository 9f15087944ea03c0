"""What comes in on stdin: JSON lines, with the CLI's tolerance and the CLI's complaints."""

from __future__ import annotations

import json
import os

from engine.simulated_agent.lines import Line

MOST_LINE_BYTES = 64 * 1024 * 1024
_READ = 65536


class BadLine(Exception):
    """A line that ends the process with exit code 1."""


class Intake:
    """Cuts stdin into messages; what is no JSON object is left out, as the CLI does."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self.open = True

    def read(self) -> list[Line]:
        """The messages that one ready read completes; `open` turns false at the end. Raises BadLine."""
        data = os.read(0, _READ)
        self.open = bool(data)
        self._rest += data or b"\n"
        if len(self._rest) > MOST_LINE_BYTES:
            raise BadLine(f"Error parsing streaming input line (over {MOST_LINE_BYTES} bytes)")
        if b"\n" not in data and data:
            return []
        *whole, rest = self._rest.split(b"\n")
        self._rest = rest
        found = (_decoded(bytes(line)) for line in whole if line.strip())
        return [message for message in found if isinstance(message, dict)]


def prompt_of(message: Line) -> str | None:
    """The text of a user line; None for a content that the CLI drops in silence. Raises BadLine."""
    body = message.get("message")
    role = body.get("role", "undefined") if isinstance(body, dict) else "undefined"
    if not isinstance(body, dict) or role != "user":
        raise BadLine(f"Error: Expected message role 'user', got '{role}'")
    content = body.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = [block.get("text", "") for block in content if isinstance(block, dict) and block.get("type") == "text"]
    return "\n".join(map(str, texts))


def _decoded(line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8", "replace"))
    except ValueError:
        kind = "user" if b'"type":"user"' in line.replace(b" ", b"") else "unknown"
        problem = f"Error parsing streaming input line (type={kind}, {len(line)} chars): SyntaxError"
        raise BadLine(problem) from None
