"""Hooks that the host registers with `initialize`, and what their outputs decide."""

from __future__ import annotations

import re

from engine.simulated_agent.lines import Line, new_uuid
from engine.simulated_agent.questions import HookCall

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from collections.abc import Iterator

MODELLED = ("PreToolUse", "PostToolUse", "PostToolUseFailure", "UserPromptSubmit", "Stop", "Notification")
"""Events that the simulator calls hooks for; nothing here ever brings a notification about."""


class Hooks:
    """The registered callbacks by event, each with the tools that it is for."""

    def __init__(self) -> None:
        self._callbacks: dict[str, list[tuple[str, str]]] = {}

    def register(self, given: object) -> str | None:
        """Take the hooks of `initialize`; the first event that is not modelled, None when all are taken."""
        found: dict[str, list[tuple[str, str]]] = {}
        for event, matchers in (given if isinstance(given, dict) else {}).items():
            if event not in MODELLED:
                return str(event)
            for matcher in matchers if isinstance(matchers, list) else ():
                tools = str(matcher.get("matcher") or "")
                found.setdefault(event, []).extend((str(each), tools) for each in matcher.get("hookCallbackIds", ()))
        self._callbacks = found
        return None

    def calls(self, event: str, common: Line, fields: Line, tool: str = "", mark: str = "") -> Iterator[HookCall]:
        """The calls for one event, in the order of their registration."""
        for callback, tools in self._callbacks.get(event, ()):
            if not tools or tools == "*" or re.fullmatch(tools, tool):
                about: Line = {**common, "hook_event_name": event, **fields}
                yield HookCall(callback, about, mark or new_uuid())


class Ruling:
    """What a hook's output decides about the thing it was called for."""

    __slots__ = ("arguments", "decision", "message", "reason", "stop_reason", "stops")

    def __init__(self, output: Line) -> None:
        specific = output.get("hookSpecificOutput")
        more: Line = specific if isinstance(specific, dict) else {}
        old = {"block": "deny", "approve": "allow"}.get(str(output.get("decision")), "")
        self.decision = str(more.get("permissionDecision") or old)
        reason = more.get("permissionDecisionReason") or output.get("reason")
        self.reason = str(reason or "Blocked by hook")
        changed = more.get("updatedInput")
        self.arguments: Line | None = changed if isinstance(changed, dict) else None
        self.stops = output.get("continue") is False
        self.stop_reason = str(output.get("stopReason") or "Execution stopped by hook")
        self.message = str(output.get("systemMessage") or "")


def strictest(rulings: list[Ruling]) -> Ruling | None:
    """The ruling that counts among several: a denial before a question before a permission."""
    order = ("deny", "ask", "allow")
    ruled = [each for each in rulings if each.decision in order]
    return min(ruled, key=lambda each: order.index(each.decision)) if ruled else None
