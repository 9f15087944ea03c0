"""One use of a tool, from the hooks before it to the hooks behind it; the turn writes down what comes of it."""

from __future__ import annotations

import os
import time
from collections.abc import Generator

from engine.simulated_agent import lines
from engine.simulated_agent.conversation import STRUCTURED_OUTPUT
from engine.simulated_agent.hooks import Ruling, strictest
from engine.simulated_agent.lines import Line
from engine.simulated_agent.permission import Answer, Ask
from engine.simulated_agent.questions import Question
from engine.simulated_agent.rules import Verdict

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from engine.simulated_agent.conversation import Conversation
    from engine.simulated_agent.tools import Command

    Wait = float | Question | Command
    Waits = Generator[Wait, object, None]

_UNGRANTED = "Claude requested permissions to use {}, but you haven't granted it yet."
_DENIED = "Permission to use {} has been denied."
_SETTINGS_HOOK = (
    "The simulator does not run hooks of the settings, and one must be run before {} is used; "
    "use the real CLI or leave the settings out with --setting-sources."
)


class Interrupted(Exception):
    """The turn is to end now."""


class Steered(Interrupted):
    """The turn is to end now because another prompt takes its place."""


class Outcome:
    """What a use of a tool gave: what the model reads, and what the host gets to know of it."""

    __slots__ = ("content", "denied", "details", "extra", "is_error", "meta", "stop_reason")

    def __init__(self, content: object, *, is_error: bool = False, details: object = None) -> None:
        self.content = content
        self.is_error = is_error
        self.details = f"Error: {content}" if details is None and is_error else details
        self.meta: Line | None = None
        self.denied = False
        self.extra: Line = {}
        self.stop_reason: str | None = None


class ToolUse:
    """One use; `run` is the generator. `running` is whether the tool itself is at work."""

    def __init__(self, talk: Conversation, ask: Ask, common: Line) -> None:
        self._talk = talk
        self.ask = ask
        self.running = False
        self._common: Line = {**common, "effort": {"level": "medium"}}
        self._began = time.monotonic()
        self._decided: Line = {}
        self._stop_reason: str | None = None

    def run(self) -> Generator[Wait, object, Outcome]:
        """The whole use. Raises Interrupted when the host wants the turn to end."""
        name = self.ask.name
        known = name in self._talk.tools or (name == "Agent" and "Task" in self._talk.tools)
        from engine.simulated_agent.tools import missing_input, unknown_tool

        if not known:
            return Outcome(unknown_tool(name), is_error=True)
        problem = missing_input(name, self.ask.arguments)
        if problem:
            return Outcome(problem, is_error=True)
        refused = yield from self._leave()
        if refused is not None:
            return refused
        outcome = yield from self._used()
        outcome.meta = {"id": self.ask.tool_use_id, "permission_decision": {"decision": "accept", **self._decided}}
        yield from self._afterwards(outcome)
        return outcome

    # --- leave to use it ---

    def _leave(self) -> Generator[Wait, object, Outcome | None]:
        """The outcome of a use that is not allowed, None for one that is."""
        rulings = yield from self._consulted("PreToolUse", {})
        self._stop_reason = next((ruling.stop_reason for ruling in rulings if ruling.stops), None)
        ruled = strictest(rulings)
        if ruled is not None and ruled.decision == "deny":
            return self._refused(f"PreToolUse:{self.ask.name} hook error: {ruled.reason}", "hook", "hook")
        if self._talk.files.blocking_hook(self.ask.name):
            return self._refused(_SETTINGS_HOOK.format(self.ask.name), "hook", "hook")
        if ruled is not None and ruled.arguments is not None:
            self.ask.arguments = ruled.arguments
        verdict = self._verdict()
        if verdict.ruled == Verdict.DENY:
            return self._refused(_DENIED.format(self.ask.name), "config", "rule", told=True)
        if ruled is not None and ruled.decision == "allow":
            self._decided = {"source": "hook", "reason_type": "hook"}
            return None
        if ruled is not None and ruled.decision == "ask":
            self.ask.because_of_hook(ruled.reason)
            return (yield from self._asked())
        if verdict.ruled == Verdict.ALLOW:
            self._decided = {"source": "config", "reason_type": verdict.kind}
            return None
        self.ask.because(verdict)
        return (yield from self._asked())

    def _verdict(self) -> Verdict:
        if self.ask.name in {STRUCTURED_OUTPUT, "Agent", "Task"}:
            forbidden = self._talk.rules.removes(self.ask.name)
            return Verdict(Verdict.DENY if forbidden else Verdict.ALLOW, kind="other")
        return self._talk.rules.verdict(self.ask.name, self.ask.arguments, self._talk.mode)

    def _asked(self) -> Generator[Wait, object, Outcome | None]:
        if not self._talk.asks:
            return self._refused(_UNGRANTED.format(self.ask.name), "config", None, told=True)
        given = yield self.ask
        if not isinstance(given, Answer) or given.interrupt:
            raise Interrupted
        if not given.allowed:
            return self._refused(given.message, "user_reject", None)
        self.ask.arguments = given.arguments
        self._decided = {"source": "user_temporary"}
        return None

    def _refused(self, message: str, source: str, reason: str | None, *, told: bool = False) -> Outcome:
        if told:
            line = lines.system(
                "permission_denied",
                self._talk.session,
                tool_name=self.ask.name,
                tool_use_id=self.ask.tool_use_id,
                message=message,
            )
            lines.write_line(line)
        outcome = Outcome(message, is_error=True)
        outcome.denied = True
        decision: Line = {"decision": "reject", "source": source, **({"reason_type": reason} if reason else {})}
        kind = "user-rejected" if told else "permission-rule"
        outcome.meta = {"id": self.ask.tool_use_id, "non_execution_kind": kind, "permission_decision": decision}
        return outcome

    # --- the tool itself ---

    def _used(self) -> Generator[Wait, object, Outcome]:
        name, arguments = self.ask.name, self.ask.arguments
        if name == "Bash":
            return (yield from self._command())
        if name == STRUCTURED_OUTPUT:
            return self._structured()
        if name in {"Agent", "Task"}:
            return self._subagent()
        if name.startswith("mcp__"):
            content, failed = yield from self._talk.mcp.call(name, arguments, self.ask.tool_use_id)
            return Outcome(content, is_error=failed, details=content)
        from engine.simulated_agent.tools import use_file_tool

        said, failed = use_file_tool(name, arguments)
        return Outcome(said, is_error=failed, details=None if failed else {"filePath": arguments.get("file_path")})

    def _command(self) -> Generator[Wait, object, Outcome]:
        from engine.simulated_agent.tools import Command

        if self.ask.arguments.get("run_in_background") is True:
            return self._in_background()
        command = Command(self.ask.arguments)
        self.running = True
        try:
            yield command
        except Interrupted:
            command.kill()
            raise
        self.running = False
        said, failed = command.said()
        return Outcome(said, is_error=failed, details=None if failed else _ran(said))

    def _in_background(self) -> Outcome:
        task = self._talk.background.start(self.ask.arguments, self.ask.tool_use_id, self._talk.session)
        if task is None:
            return Outcome("Too many commands run in the background already.", is_error=True)
        outcome = Outcome(task.said, details={**_ran(""), "noOutputExpected": False, "backgroundTaskId": task.id})
        outcome.extra = {"sourceToolUseId": self.ask.tool_use_id}
        return outcome

    def _structured(self) -> Outcome:
        from engine.offline_model.schemas import mismatch

        wrong = mismatch(self.ask.arguments, self._talk.schema)
        if wrong:
            return Outcome(f"Output does not match required schema: {wrong}", is_error=True)
        said = "Structured output provided successfully"
        return Outcome(said, details=said)

    def _subagent(self) -> Outcome:
        from engine.simulated_agent.subagent import Refusal, run_subagent

        try:
            said, details = run_subagent(self._talk, self.ask.arguments, self.ask.tool_use_id)
        except Refusal as refusal:
            return Outcome(str(refusal), is_error=True)
        return Outcome([{"type": "text", "text": said}], details=details)

    # --- hooks ---

    def _afterwards(self, outcome: Outcome) -> Waits:
        took = int((time.monotonic() - self._began) * 1000)
        if outcome.is_error:
            about: Line = {"error": outcome.content, "is_interrupt": False, "duration_ms": took}
            rulings = yield from self._consulted("PostToolUseFailure", about)
        else:
            about = {"tool_response": outcome.details, "duration_ms": took}
            rulings = yield from self._consulted("PostToolUse", about)
        stopping = [ruling.stop_reason for ruling in rulings if ruling.stops]
        outcome.stop_reason = stopping[0] if stopping else self._stop_reason

    def _consulted(self, event: str, fields: Line) -> Generator[Wait, object, list[Ruling]]:
        about: Line = {"tool_name": self.ask.name, "tool_input": self.ask.arguments, **fields}
        about["tool_use_id"] = self.ask.tool_use_id
        common: Line = {**self._common, "cwd": os.getcwd()}  # noqa: PTH109 - pathlib costs start time
        rulings = []
        for call in self._talk.hooks.calls(event, common, about, self.ask.name, self.ask.tool_use_id):
            output = yield call
            ruling = Ruling(output if isinstance(output, dict) else {})
            if ruling.message:
                tell(self._talk, f"{event}:{self.ask.name} says: {ruling.message}", "notice")
            rulings.append(ruling)
        return rulings


def tell(talk: Conversation, content: str, level: str, **fields: object) -> None:
    """A remark of the CLI's own for whoever watches."""
    lines.write_line(lines.system("informational", talk.session, content=content, level=level, **fields))


def _ran(said: str) -> Line:
    empty = said == "(Bash completed with no output)"
    out = "" if empty else said
    return {"stdout": out, "stderr": "", "interrupted": False, "isImage": False, "noOutputExpected": empty}
