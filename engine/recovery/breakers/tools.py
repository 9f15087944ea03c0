"""Breakers of tools: a tool whose server is gone is left alone for a while; what an agent does wrong never counts."""

from __future__ import annotations

from collections.abc import Callable

from engine.base.errors import BreakerOpen
from engine.base.text import one_line
from engine.recovery.breakers.registry import Breakers
from engine.recovery.classify.classifier import Classify
from engine.recovery.classify.evidence import Evidence, clip
from engine.recovery.classify.rules import ErrorType

_COMMANDS = frozenset({"Bash", "BashOutput", "KillShell", "Task", "Agent"})
"""Tools whose errors report what the agent ran: an exit code or a command's time-out is a result, no broken tool."""
_BROKEN = frozenset({ErrorType.NETWORK, ErrorType.TIMEOUT, ErrorType.PROCESS, ErrorType.RESOURCE, ErrorType.AUTH})
_WRAP = ("<tool_use_error>", "</tool_use_error>")
_MCP = "mcp__"
_GONE = ("no such tool available", "is not connected", "server not found", "server disconnected", "not available")
"""How the CLI tells that a tool's server is gone."""


class Tools:
    """Votes on `tool:…` breakers, which are made at a tool's first failure; the breakers are their owner's."""

    def __init__(self, breakers: Breakers, classify: Callable[[], Classify]) -> None:
        self._breakers = breakers
        self._classify = classify

    def ended(self, tool: str, failed: bool, text: str) -> None:
        """A tool's result, as the stream reported it; `TOOL@ENDPOINT` where a profile's calls go somewhere else."""
        name = f"tool:{tool}"
        if failed and broken(tool.partition("@")[0], text, self._classify()):
            self._breakers.record(name, one_line(_unwrapped(text)) or "it failed without a word")
        elif self._breakers.knows(name):
            self._breakers.record(name)

    def barred(self, tool: str) -> str:
        """Why a tool may not be used now, as the agent reads it; empty when it may."""
        name = f"tool:{tool}"
        if not self._breakers.knows(name):
            return ""
        try:
            self._breakers.release(self._breakers.acquire([name]))
        except BreakerOpen as refused:
            when = f" Try it again in {refused.retry_after:.0f} s at the earliest." if refused.retry_after else ""
            itself = tool.partition("@")[0]
            return f"{itself} is out of order: {refused.message}{when} Go on without it, or state what is missing."
        return ""


def broken(tool: str, text: str, classify: Classify) -> bool:
    """Whether a failed result reports a broken tool, rather than of a wrong use of it. Pure but for the classifier."""
    said = _unwrapped(text)
    if tool.startswith(_MCP) and any(words in said.lower() for words in _GONE):
        return True
    if tool in _COMMANDS and not text.lstrip().startswith(_WRAP[0]):
        return False
    return classify(Evidence(text=clip(said), failed=True)).type in _BROKEN


def _unwrapped(text: str) -> str:
    return text.strip().removeprefix(_WRAP[0]).removesuffix(_WRAP[1])
