"""What a turn asks its host and waits for: a permission, a hook, a message to a server that runs in the host."""

from __future__ import annotations

from abc import ABC, abstractmethod

from engine.simulated_agent.lines import Line

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from typing import Any


class Question(ABC):
    """A control request that the host answers."""

    __slots__ = ()

    @abstractmethod
    def request(self) -> Line:
        """The question as a control request."""

    @abstractmethod
    def read(self, _talk: Any, response: Line) -> object:
        """What the host's answer means to the turn."""

    @abstractmethod
    def closed(self) -> object:
        """What it means that nobody can answer any more."""


class HookCall(Question):
    """A hook that the host registered; its output is a JSON object."""

    __slots__ = ("_callback", "_fields", "_tool_use_id")

    def __init__(self, callback: str, fields: Line, tool_use_id: str) -> None:
        self._callback = callback
        self._fields = fields
        self._tool_use_id = tool_use_id

    def request(self) -> Line:
        """The event with what it is about."""
        return {
            "subtype": "hook_callback",
            "callback_id": self._callback,
            "input": self._fields,
            "tool_use_id": self._tool_use_id,
        }

    def read(self, _talk: Any, response: Line) -> object:
        """The hook's output; a hook that fails says nothing."""
        given = response.get("response")
        return given if response.get("subtype") == "success" and isinstance(given, dict) else {}

    def closed(self) -> object:
        """A hook that can no longer be asked lets nothing pass."""
        return {"decision": "block", "reason": "Tool permission stream closed before response received"}


class McpCall(Question):
    """A JSON-RPC message to one of the host's MCP servers; without a number it is a notification."""

    __slots__ = ("_message", "_server")

    def __init__(self, server: str, method: str, number: int | None, params: Line | None = None) -> None:
        self._server = server
        self._message: Line = {"method": method}
        if params is not None:
            self._message["params"] = params
        self._message["jsonrpc"] = "2.0"
        if number is not None:
            self._message["id"] = number

    def request(self) -> Line:
        """The message in its envelope."""
        return {"subtype": "mcp_message", "server_name": self._server, "message": self._message}

    def read(self, _talk: Any, response: Line) -> object:
        """The result of the call, or an object with `error`."""
        given = response.get("response")
        reply = given.get("mcp_response") if isinstance(given, dict) else None
        if response.get("subtype") != "success" or not isinstance(reply, dict):
            return {"error": str(response.get("error", "the server gave no answer"))}
        failed = reply.get("error")
        if isinstance(failed, dict):
            return {"error": str(failed.get("message", "the call failed"))}
        result = reply.get("result")
        return result if isinstance(result, dict) else {}

    def closed(self) -> object:
        """The host has gone."""
        return {"error": "Connection closed"}
