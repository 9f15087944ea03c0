"""One turn of the agent, as a generator that yields what it waits for; the agent's loop owns time, pipes and signals.

It yields a number of seconds (FOREVER too), a `Question` (answered by `send` with what it reads out of the host's
reply) or a `Command` (until it has ended). `throw(Interrupted())` ends the turn early, with the lines that an interrupt
brings.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator

from engine.offline_model.script import RESUME_NOTE, Script, answer, answer_to_notice, read_script
from engine.simulated_agent import lines
from engine.simulated_agent.conversation import CHARACTERS_PER_TOKEN, STRUCTURED_OUTPUT
from engine.simulated_agent.endings import (
    CUT_STREAM,
    CUT_TOOL,
    REFUSAL_NOTE,
    REFUSED,
    REJECTED,
    STOPPED,
    WITHDRAWN,
    Ending,
)
from engine.simulated_agent.hooks import Ruling
from engine.simulated_agent.lines import Line
from engine.simulated_agent.permission import Ask
from engine.simulated_agent.stream import AssistantMessage
from engine.simulated_agent.tool_use import Interrupted, Outcome, Steered, ToolUse, tell
from engine.simulated_agent.window import window_for

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from engine.simulated_agent.background import Task
    from engine.simulated_agent.conversation import Conversation
    from engine.simulated_agent.failures import Failure
    from engine.simulated_agent.tool_use import Wait, Waits

FOREVER = -1.0
MOST_PARTS = 4
"""How many messages an answer may take that meets the limit of output tokens again and again."""

# How many pieces go out without a look at stdin, so that a long answer without a pace can be interrupted.
_BREATHE_EVERY = 64

_EMPTY_PROMPT = "(no content)"
_ENFORCED = "[structured-output-enforce] You MUST call the StructuredOutput tool to complete this request."
_STOP_HOOK = "A Stop hook that blocks is not modelled by the simulator: {}"


class Turn:
    """The state of one turn; `run` is the generator. A turn of the CLI's own answers a notice and has no user lines.

    `steered` is set while a tool runs: another prompt takes the turn's place when the tool has ended.
    """

    def __init__(
        self, talk: Conversation, prompt: str, uuids: list[str], origin: object = None, notice: Task | None = None
    ) -> None:
        self._talk = talk
        self._given = prompt or _EMPTY_PROMPT
        self._notice = notice
        self._prompt = self._given if notice else talk.join(self._given)
        self._uuids = uuids
        self._script = Script() if notice else read_script(talk.replies.script_for(self._prompt))
        self._prompt_id = lines.new_uuid()
        self._is_open = False
        self._message: AssistantMessage | None = None
        self._use: ToolUse | None = None
        self.steered = False
        self._marks: Line = {"user_message_uuid": uuids[-1], "user_message_uuids": uuids} if uuids else {}
        self._end = Ending(talk, uuids, self._marks, origin)

    def run(self) -> Waits:
        """The whole turn, to its result line."""
        try:
            yield from self._all()
        except Steered:
            self._steered()
        except Interrupted:
            self._aborted()

    def _all(self) -> Waits:
        self._talk.start(self._uuids)
        # What stands behind the prompt on stdin is read first: an interrupt meets a turn that has begun.
        yield 0.0
        rulings = [] if self._notice else (yield from self._consulted("UserPromptSubmit", {"prompt": self._given}))
        yield from self._talk.mcp.connect()
        self._open_turn()
        if not self._is_kept_back(rulings):
            yield from self._rounds()

    def _open_turn(self) -> None:
        self._is_open = True
        if self._notice is not None:
            self._talk.keep_notice(self._notice, "completed", self._given)
            self._talk.introduce([])
        else:
            self._talk.open(self._given, self._uuids)

    def _rounds(self) -> Waits:
        """API message by API message: tools in the script's order, then the answer."""
        outcome: Outcome | None = None
        for name, arguments in self._tools():
            if (yield from self._requests()):
                return
            outcome = yield from self._use_tool(name, arguments)
            if outcome is None:
                return
        text = said = self._text(outcome)
        for attempt in (1, 2):
            answered = yield from self._answer(text)
            if answered is None:
                return
            said = answered
            if attempt == 2 or self._talk.schema is None or self._notice is not None:
                break
            # The schema's tool was used wrongly: the CLI insists once.
            self._inject([{"type": "text", "text": _ENFORCED}], isSynthetic=True)
        yield from self._finish(said)

    def _answer(self, text: str) -> Generator[Wait, object, str | None]:
        """Say the text, in as many messages as the limit makes of it; the last one, None when the turn ended."""
        size = self._talk.max_output_tokens * CHARACTERS_PER_TOKEN or max(1, len(text))
        parts = [text[at : at + size] for at in range(0, len(text), size)] or [""]
        for count, part in enumerate(parts[:MOST_PARTS], start=1):
            if (yield from self._requests()):
                return None
            yield from self._say({"type": "text", "text": part}, "end_turn" if count == len(parts) else "max_tokens")
            if count == len(parts):
                return part
            if count < MOST_PARTS:
                self._inject([{"type": "text", "text": f"{RESUME_NOTE} Resume directly."}], isSynthetic=True)
        self._end.cut_off(self._talk.max_output_tokens)
        return None

    def _finish(self, text: str) -> Waits:
        if self._talk.over_budget:
            self._end.over_budget("end_turn")
            return
        about: Line = {"stop_hook_active": False, "last_assistant_message": text}
        for ruling in (yield from self._consulted("Stop", about)):
            if ruling.decision == "deny":
                self._end.failed(_STOP_HOOK.format(ruling.reason))
                return
        self._end.write(result=text, stop_reason="end_turn", terminal_reason="completed", is_error=False)

    def _text(self, outcome: Outcome | None) -> str:
        if self._notice is not None:
            return answer_to_notice(self._given)
        said = None if outcome is None else _readable(outcome.content)
        return answer(self._script, prompts=self._talk.prompts, tool_said=said, seed=0)

    def _tools(self) -> list[tuple[str, Line]]:
        """The tools of the script, and the one that the schema of the process wants used."""
        tools = [] if self._script.problem else list(self._script.tools)
        schema = self._talk.schema
        if schema is None or self._notice is not None or any(name == STRUCTURED_OUTPUT for name, _ in tools):
            return tools
        from engine.offline_model.schemas import sample

        try:
            value = json.loads(self._script.reply or "")
        except ValueError:
            value = sample(schema)
        return [*tools, (STRUCTURED_OUTPUT, value if isinstance(value, dict) else {})]

    # --- requests to the API ---

    def _requests(self) -> Generator[Wait, object, bool]:
        """The request to the API; whether it failed for good."""
        self._say_requesting()
        if self._talk.over_budget:
            self._end.over_budget(None)
            return True
        # A task that ended meanwhile is reported with this request and needs no turn of its own.
        if self._end.messages:
            for task, summary in self._talk.notices:
                self._talk.keep_notice(task, "completed", summary)
            self._talk.notices.clear()
        if not self._talk.model_is_known:
            return (yield from self._faulted("http404_model", None))
        if self._script.fault is not None:
            return (yield from self._faulted(self._script.fault, self._script.fault_times))
        fault, delay = window_for(f"{self._uuids}{self._end.messages}")
        if delay:
            yield delay
        return fault is not None and (yield from self._faulted(fault, None))

    def _say_requesting(self) -> None:
        if self._talk.partial:
            marks: Line = {"user_message_uuids": self._uuids} if self._uuids else {}
            lines.write_line(lines.system("status", self._talk.session, status="requesting", **marks))

    def _faulted(self, name: str, given_times: int | None) -> Generator[Wait, object, bool]:
        """Do a fault of the script or the window, with the CLI's own retries; whether the turn ended by it."""
        from engine.simulated_agent.failures import failure

        failing = failure(name, self._talk.model)
        if failing is None:
            return False
        times = failing.times if given_times is None else given_times
        attempt = 0
        while self._talk.fails_again(self._prompt, times):
            yield FOREVER if failing.silent else self._script.delay or self._talk.latency
            if not failing.retried or attempt >= self._talk.max_retries:
                self._give_up(failing, attempt)
                return True
            attempt += 1
            yield self._end.retry(failing, attempt)
        return False

    def _give_up(self, failing: Failure, retries: int) -> None:
        """The lines of a request that failed for good; a refusal is tried once more with a note to the model."""
        if failing.mid_answer:
            said = self._begin_in_vain(failing)
        if failing.refuses:
            tell(self._talk, REFUSED.format(self._talk.model), "notice")
            self._inject([{"type": "text", "text": REFUSAL_NOTE}], isSynthetic=True, refused_message_id=said)
            self._say_requesting()
            said = self._begin_in_vain(failing)
        self._end.api_failed(failing, retries, said if failing.refuses else None)

    # --- messages ---

    def _say(self, block: Line, stop: str) -> Waits:
        """Stream one assistant message, the script's thinking before the first."""
        yield self._script.delay or self._talk.latency
        message = self._open(str(block))
        thinks = self._script.think and self._end.messages == 1
        thinking: Line = {"type": "thinking", "thinking": self._script.think, "signature": "c2lt"}
        yield from self._disturb(message)
        for index, each in enumerate([thinking, block] if thinks else [block]):
            yield from self._stream(message, index, each)
        message.close(stop)
        self._end.tokens.add(message.usage)
        self._message = None

    def _open(self, said: str) -> AssistantMessage:
        self._end.begun()
        marks = self._marks if self._end.messages == 1 else {}
        self._message = AssistantMessage(self._talk, self._prompt, self._end.messages, said, marks)
        self._end.begun_ids.append(self._message.id)
        self._message.open(self._end.ttft_ms or 0)
        return self._message

    def _stream(self, message: AssistantMessage, index: int, block: Line) -> Waits:
        pace = self._script.pace or self._talk.pace
        for count, middle in enumerate(message.block(index, block)):
            if middle and self._script.stall:
                yield FOREVER
            if pace or count % _BREATHE_EVERY == _BREATHE_EVERY - 1:
                yield pace

    def _begin_in_vain(self, failing: Failure) -> str:
        """The part of an answer that came before it broke: nothing of an unfinished block is kept. The message's id."""
        message = self._open("")
        block: Line = {"type": "text", "text": "The answer so far"}
        for count, _ in enumerate(message.block(0, block)):
            if count == 1 and not failing.finishes_block:
                break
        if failing.refuses:
            message.close("refusal")
            self._end.tokens.add(message.usage)
        self._message = None
        return message.id

    def _disturb(self, message: AssistantMessage) -> Waits:
        """The script's disturbances that are the process's own."""
        script = self._script
        if script.leak:
            self._talk.leak(script.leak)
        if script.garbage:
            lines.write_bytes(b"[garbage] this line is not JSON {\n")
        for count in range(script.flood):
            message.extra_event()
            if count % _BREATHE_EVERY == _BREATHE_EVERY - 1:
                yield 0.0
        if script.hang or script.crash or script.exit_code is not None:
            from engine.simulated_agent.ends import misbehave

            misbehave(script)

    # --- tools ---

    def _use_tool(self, name: str, arguments: Line) -> Generator[Wait, object, Outcome | None]:
        """Use a tool; None when the turn ended by it."""
        identity = f"toolu_{os.urandom(12).hex()}"
        block: Line = {"type": "tool_use", "id": identity, "name": name, "input": arguments}
        yield from self._say(block, "tool_use")
        if self._talk.over_budget:
            self._end.over_budget("tool_use")
            return None
        self._use = ToolUse(self._talk, Ask(name, arguments, identity), self._hook_fields())
        outcome = yield from self._use.run()
        if outcome.denied:
            self._end.denials.append(self._use.ask.denial())
        used, self._use = self._use, None
        self._tool_result(identity, outcome)
        if self.steered:
            raise Steered
        if outcome.stop_reason is not None:
            self._end.write(result="", stop_reason="tool_use", terminal_reason="hook_stopped", is_error=False)
            return None
        if name == STRUCTURED_OUTPUT and not outcome.is_error:
            self._end.structured(used.ask.arguments)
            return None
        if self._talk.max_turns and self._end.messages >= self._talk.max_turns:
            self._end.out_of_turns()
            return None
        return outcome

    def _tool_result(self, identity: str, outcome: Outcome) -> None:
        result: Line = {"tool_use_id": identity, "type": "tool_result", "content": outcome.content}
        result["is_error"] = outcome.is_error
        meta: Line = {"tool_result_meta": [outcome.meta]} if outcome.meta else {}
        details: Line = {"tool_use_result": outcome.details} if outcome.details is not None else {}
        kept: Line = {"toolUseResult": outcome.details, **outcome.extra}
        self._inject([result], kept, **details, **meta)

    def _inject(self, content: list[Line], kept: Line | None = None, **fields: object) -> None:
        line = lines.user(content, self._talk.session, **fields)
        lines.write_line(line)
        self._end.injected += 1
        self._talk.keep("user", {"role": "user", "content": content}, str(line["uuid"]), **(kept or {}))

    # --- hooks ---

    def _hook_fields(self) -> Line:
        return {
            "session_id": self._talk.session,
            "transcript_path": self._talk.transcript_path,
            "prompt_id": self._prompt_id,
            "permission_mode": self._talk.mode,
        }

    def _consulted(self, event: str, fields: Line) -> Generator[Wait, object, list[Ruling]]:
        common: Line = {**self._hook_fields(), "cwd": os.getcwd()}  # noqa: PTH109 - pathlib costs start time
        rulings = []
        for call in self._talk.hooks.calls(event, common, fields):
            output = yield call
            rulings.append(Ruling(output if isinstance(output, dict) else {}))
        return rulings

    def _is_kept_back(self, rulings: list[Ruling]) -> bool:
        """Whether a hook keeps the prompt from the model; the result says so."""
        for ruling in rulings:
            if ruling.decision == "deny":
                said = f"UserPromptSubmit operation blocked by hook:\n{ruling.reason}\n\nOriginal prompt: {self._given}"
                about: Line = {"kind": "blocked_by_hook", "prompt_kept": False, "reason": ruling.reason}
                self._talk.prompts.pop()
            elif ruling.stops:
                said = f"Operation stopped by hook: {ruling.stop_reason}"
                about = {"kind": "stopped_by_hook", "prompt_kept": True, "reason": ruling.stop_reason}
            else:
                continue
            tell(self._talk, said, "warning", prevent_continuation=True, prompt_submit_outcome=about)
            self._end.without_model(said)
            return True
        return False

    # --- interrupts ---

    def _steered(self) -> None:
        """The end of a turn whose place another prompt takes: what was streamed is kept, without a note."""
        if not self._is_open:
            self._open_turn()
            self._say_requesting()
        if self._use is not None:
            self._tool_result(self._use.ask.tool_use_id, Outcome(WITHDRAWN, is_error=True))
        said = self._message.cut() if self._message is not None else ""
        if self._use is not None or self.steered:
            self._end.steered("", "aborted_tools")
        elif said:
            self._end.steered(said, "aborted_streaming")
        else:
            self._end.steered_early()

    def _aborted(self) -> None:
        """The end of an interrupted turn: what was streamed is kept, then the CLI's note."""
        if not self._is_open:
            self._open_turn()
            self._say_requesting()
        use = self._use
        if use is not None:
            outcome = Outcome(STOPPED if use.running else REJECTED, is_error=True, details="User rejected tool use")
            outcome.meta = {"id": use.ask.tool_use_id, "non_execution_kind": "user-rejected"}
            if not use.running:
                self._end.denials.append(use.ask.denial())
            self._tool_result(use.ask.tool_use_id, outcome)
        elif self._message is not None:
            self._message.cut()
        self._inject([{"type": "text", "text": CUT_TOOL if use else CUT_STREAM}])
        self._end.aborted(in_tool=use is not None)


def _readable(content: object) -> str:
    """A tool's result as a text."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content)
