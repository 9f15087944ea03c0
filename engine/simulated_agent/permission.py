"""Leave to use a tool: the question to the host, and what its answer means."""

from __future__ import annotations

import os

from engine.simulated_agent.lines import Line
from engine.simulated_agent.questions import Question

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from engine.simulated_agent.conversation import Conversation
    from engine.simulated_agent.rules import Verdict

_FAILED = "Tool permission request failed: "
STREAM_CLOSED = f"{_FAILED}AbortError: Tool permission stream closed before response received"


class Ask(Question):
    """A tool use that somebody must allow."""

    __slots__ = ("_reason", "arguments", "name", "tool_use_id")

    def __init__(self, name: str, arguments: Line, tool_use_id: str) -> None:
        self.name = name
        self.arguments = arguments
        self.tool_use_id = tool_use_id
        self._reason: Line = {}

    def because(self, verdict: Verdict) -> None:
        """Why the rules do not decide."""
        if verdict.blocked:
            self._reason = {"blocked_path": verdict.blocked}
        elif verdict.reason:
            self._reason = {"decision_reason": verdict.reason, "decision_reason_type": verdict.kind}

    def because_of_hook(self, reason: str) -> None:
        """A hook wants the host to decide."""
        self._reason = {
            "decision_reason": reason,
            "decision_reason_type": "hook",
            "decision_reason_hook_event": "PreToolUse",
            "decision_reason_hook_source": "settings",
        }

    def request(self) -> Line:
        """The question as a control request."""
        about = self.arguments.get("command") or _shown(self.arguments.get("file_path")) or self.name
        suggestions: Line = {"permission_suggestions": self._suggestions()}
        return {
            "subtype": "can_use_tool",
            "tool_name": self.name,
            "display_name": self.name,
            "input": self.arguments,
            "description": str(about),
            **({} if self._reason.get("decision_reason_type") == "hook" else suggestions),
            **self._reason,
            "tool_use_id": self.tool_use_id,
        }

    def read(self, _talk: Conversation, response: Line) -> object:
        """The host's answer; an error or anything malformed is a denial with that text."""
        return read_answer(_talk, self, response)

    def closed(self) -> object:
        """Nobody is there to allow it."""
        return self.denied(STREAM_CLOSED)

    def allowed(self, arguments: Line | None = None) -> Answer:
        """The answer yes, perhaps with other arguments."""
        return Answer(allowed=True, arguments=self.arguments if arguments is None else arguments)

    def denied(self, message: str, *, interrupt: bool = False) -> Answer:
        """The answer no; the model reads `message`, `interrupt` ends the turn."""
        return Answer(allowed=False, arguments=self.arguments, message=message, interrupt=interrupt)

    def denial(self) -> Line:
        """The use in the result's list of denials."""
        return {"tool_name": self.name, "tool_use_id": self.tool_use_id, "tool_input": self.arguments}

    def _suggestions(self) -> list[Line]:
        """What the host may grant with its answer."""
        if self.name in {"Write", "Edit"}:
            return [{"type": "setMode", "mode": "acceptEdits", "destination": "session"}]
        if self.name == "Read":
            folder = os.path.dirname(os.path.realpath(str(self.arguments.get("file_path", ""))))  # noqa: PTH120
            return [_grant("Read", f"/{folder}/**", "session")] if folder != "/" else []
        if self.name == "Bash":
            return [_grant("Bash", str(self.arguments.get("command", "")), "localSettings")]
        return [_grant(self.name, "", "localSettings")]


class Answer:
    """What was said to an `Ask`."""

    __slots__ = ("allowed", "arguments", "interrupt", "message")

    def __init__(self, *, allowed: bool, arguments: Line, message: str = "", interrupt: bool = False) -> None:
        self.allowed = allowed
        self.arguments = arguments
        self.message = message
        self.interrupt = interrupt


def read_answer(talk: Conversation, ask: Ask, response: Line) -> Answer:
    """The host's answer; an error or anything malformed is a denial with that text."""
    given = response.get("response")
    if response.get("subtype") != "success" or not isinstance(given, dict):
        return ask.denied(f"{_FAILED}Error: {response.get('error', 'no answer')}")
    if given.get("behavior") == "deny":
        message = str(given.get("message") or f"Permission to use {ask.name} has been denied.")
        return ask.denied(message, interrupt=bool(given.get("interrupt")))
    if given.get("behavior") != "allow":
        return ask.denied(f"{_FAILED}Error: the answer has no behavior")
    _take_rules(talk, given.get("updatedPermissions"))
    changed = given.get("updatedInput")
    return ask.allowed(changed if isinstance(changed, dict) else None)


def _take_rules(talk: Conversation, updates: object) -> None:
    """Rules that come with an answer hold for the life of the process."""
    for update in updates if isinstance(updates, list) else ():
        if update.get("type") == "setMode":
            talk.mode = str(update.get("mode"))
        elif update.get("type") == "addRules" and update.get("behavior") == "allow":
            talk.rules.allowed += [_rule(rule) for rule in update.get("rules", ())]
        elif update.get("type") == "addDirectories":
            talk.rules.directories += [os.path.realpath(str(path)) for path in update.get("directories", ())]


def _rule(rule: Line) -> str:
    content = rule.get("ruleContent")
    return f"{rule.get('toolName')}({content})" if content else str(rule.get("toolName"))


def _grant(tool: str, content: str, destination: str) -> Line:
    rule: Line = {"toolName": tool, "ruleContent": content} if content else {"toolName": tool}
    return {"type": "addRules", "rules": [rule], "behavior": "allow", "destination": destination}


def _shown(path: object) -> str:
    """A path as it is shown: relative to the workspace where it lies in it."""
    if not isinstance(path, str):
        return ""
    return path.removeprefix(f"{os.getcwd()}/")  # noqa: PTH109
