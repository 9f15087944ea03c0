"""The MCP servers that run in the host: how they are greeted, which tools they have, how one is called."""

from __future__ import annotations

from collections.abc import Generator

from engine.simulated_agent import lines
from engine.simulated_agent.lines import Line
from engine.simulated_agent.questions import McpCall

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from engine.simulated_agent.questions import Question

PROTOCOL = "2025-11-25"

_CLIENT: Line = {"name": "claude-code", "title": "Claude Code", "version": lines.VERSION}


class McpServers:
    """The host's servers by name; they are greeted before the first turn."""

    def __init__(self, names: list[str]) -> None:
        self._status = dict.fromkeys(names, "pending")
        self._tools: dict[str, tuple[str, str]] = {}
        self._sent: dict[str, int] = dict.fromkeys(names, 0)

    @property
    def tools(self) -> list[str]:
        """The full names of their tools."""
        return list(self._tools)

    def add(self, names: object) -> None:
        """Servers that the host names later, with `initialize`."""
        for name in names if isinstance(names, list) else ():
            self._status.setdefault(str(name), "pending")
            self._sent.setdefault(str(name), 0)

    def listed(self) -> list[Line]:
        """Name and status of each."""
        return [{"name": name, "status": status, "source": "sdk"} for name, status in self._status.items()]

    def connect(self) -> Generator[Question, object, None]:
        """Greet the servers that were not greeted yet, and learn their tools."""
        for server, status in self._status.items():
            if status == "pending":
                yield from self._greet(server)

    def call(
        self, tool: str, arguments: Line, tool_use_id: str
    ) -> Generator[Question, object, tuple[list[Line], bool]]:
        """The content that a tool gives, and whether that is an error."""
        server, name = self._tools[tool]
        number = self._next(server)
        meta: Line = {"claudecode/toolUseId": tool_use_id, "progressToken": number}
        result = yield McpCall(server, "tools/call", number, {"name": name, "arguments": arguments, "_meta": meta})
        given: Line = result if isinstance(result, dict) else {"error": "the server gave no answer"}
        if "error" in given:
            return [{"type": "text", "text": str(given["error"])}], True
        content = given.get("content")
        return (content if isinstance(content, list) else []), bool(given.get("isError"))

    def _greet(self, server: str) -> Generator[Question, object, None]:
        hello: Line = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": _CLIENT}
        greeted = yield McpCall(server, "initialize", self._next(server), hello)
        if not isinstance(greeted, dict) or "error" in greeted:
            self._status[server] = "failed"
            return
        yield McpCall(server, "notifications/initialized", None)
        listed = yield McpCall(server, "tools/list", self._next(server))
        tools = listed.get("tools") if isinstance(listed, dict) else None
        for tool in tools if isinstance(tools, list) else ():
            self._tools[f"mcp__{server}__{tool.get('name')}"] = (server, str(tool.get("name")))
        self._status[server] = "connected"

    def _next(self, server: str) -> int:
        self._sent[server] += 1
        return self._sent[server] - 1
