"""Leave to use a tool: the question to the host, and what its answer means."""

from __future__ import annotations

from engine.backends.simulated_agent.lines import Line

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from engine.backends.simulated_agent.conversation import Conversation

_FAILED = "Tool permission request failed: "
STREAM_CLOSED = f"{_FAILED}AbortError: Tool permission stream closed before response received"


class Ask:
    """A tool use that somebody must allow."""

    __slots__ = ("arguments", "name", "tool_use_id")

    def __init__(self, name: str, arguments: Line, tool_use_id: str) -> None:
        self.name = name
        self.arguments = arguments
        self.tool_use_id = tool_use_id

    def request(self) -> Line:
        """The question as a control request."""
        about = self.arguments.get("command") or self.arguments.get("file_path") or self.name
        return {
            "subtype": "can_use_tool",
            "tool_name": self.name,
            "display_name": self.name,
            "input": self.arguments,
            "description": str(about),
            "permission_suggestions": [],
            "tool_use_id": self.tool_use_id,
        }

    def allowed(self, arguments: Line | None = None) -> Answer:
        """The answer yes, perhaps with other arguments."""
        return Answer(allowed=True, arguments=self.arguments if arguments is None else arguments)

    def denied(self, message: str, *, interrupt: bool = False) -> Answer:
        """The answer no; the model reads `message`, `interrupt` ends the turn."""
        return Answer(allowed=False, arguments=self.arguments, message=message, interrupt=interrupt)


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
            talk.allowed += [_rule(rule) for rule in update.get("rules", ())]


def _rule(rule: Line) -> str:
    content = rule.get("ruleContent")
    return f"{rule.get('toolName')}({content})" if content else str(rule.get("toolName"))
