"""One turn of the agent, as a generator that yields what it waits for; the agent's loop owns time, pipes and signals.

It yields a number of seconds (FOREVER too), an `Ask` (answered by `send` with an `Answer`) or a `Command` (until it has
ended). `throw(Interrupted())` ends the turn early, with the lines that an interrupt brings.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Generator

from engine.backends.simulated_agent import lines
from engine.backends.simulated_agent.lines import Line, Tokens
from engine.backends.simulated_agent.permission import Answer, Ask
from engine.backends.simulated_agent.stream import AssistantMessage
from engine.backends.simulated_agent.window import window_for
from engine.offline.script import answer, read_script

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from engine.backends.simulated_agent.conversation import Conversation
    from engine.backends.simulated_agent.failures import Failure
    from engine.backends.simulated_agent.tools import Command

FOREVER = -1.0

# How many pieces go out without a look at stdin, so that a long answer without a pace can be interrupted.
_BREATHE_EVERY = 64

_EMPTY_PROMPT = "(no content)"
_REJECTED = (
    "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the "
    "new_string was NOT written to the file). STOP what you are doing and wait for the user to tell you how to proceed."
)
_STOPPED = f"{_REJECTED} Correction to the text above: this call was stopped while running, not refused before it ran."
_CUT_STREAM = "[Request interrupted by user]"
_CUT_TOOL = "[Request interrupted by user for tool use]"


class Interrupted(Exception):
    """The turn is to end now."""


if TYPE_CHECKING:
    Wait = float | Ask | Command
    Waits = Generator[Wait, Answer | None, None]


class Turn:
    """The state of one turn; `run` is the generator."""

    def __init__(self, talk: Conversation, prompt: str, uuids: list[str]) -> None:
        self._talk = talk
        self._given = prompt or _EMPTY_PROMPT
        self._prompt = talk.join(self._given)
        self._uuids = uuids
        self._script = read_script(self._prompt)
        self._began = time.monotonic()
        self._tokens = Tokens()
        self._denials: list[Line] = []
        self._messages = 0
        self._ttft_ms: int | None = None
        self._message: AssistantMessage | None = None
        self._used: Ask | None = None
        self._running = False
        self._marks: Line = {"user_message_uuids": uuids}
        if uuids:
            self._marks["user_message_uuid"] = uuids[-1]

    def run(self) -> Waits:
        """The whole turn, to its result line."""
        self._talk.begin(self._given, self._uuids)
        try:
            yield from self._rounds()
        except Interrupted:
            self._aborted()

    def _rounds(self) -> Waits:
        """API message by API message: tools in the script's order, then the answer."""
        said: str | None = None
        tools = [] if self._script.problem else self._script.tools
        for name, arguments in tools:
            if (yield from self._requests()):
                return
            said = yield from self._use_tool(name, arguments)
        if (yield from self._requests()):
            return
        text = answer(self._script, prompts=self._talk.prompts, tool_said=said, seed=0)
        yield from self._say({"type": "text", "text": text}, "end_turn")
        self._end(result=text, stop_reason="end_turn", terminal_reason="completed", is_error=False)

    def _requests(self) -> Generator[Wait, Answer | None, bool]:
        """The request to the API; whether it failed for good."""
        requesting = lines.system("status", self._talk.session, status="requesting", user_message_uuids=self._uuids)
        lines.write_line(requesting)
        if self._script.fault is not None:
            return (yield from self._faulted(self._script.fault, self._script.fault_times))
        fault, delay = window_for(f"{self._uuids}{self._messages}")
        if delay:
            yield delay
        return fault is not None and (yield from self._faulted(fault, None))

    # --- messages ---

    def _say(self, block: Line, stop: str) -> Waits:
        """Stream one assistant message, the script's thinking before the first."""
        yield self._script.delay or self._talk.latency
        message = self._open(str(block))
        thinks = self._script.think and self._messages == 1
        thinking: Line = {"type": "thinking", "thinking": self._script.think, "signature": "c2lt"}
        yield from self._disturb(message)
        for index, each in enumerate([thinking, block] if thinks else [block]):
            yield from self._stream(message, index, each)
        self._close(message, stop)

    def _open(self, said: str) -> AssistantMessage:
        self._messages += 1
        if self._ttft_ms is None:
            self._ttft_ms = self._elapsed_ms()
        marks = self._marks if self._messages == 1 else {}
        self._message = AssistantMessage(self._talk, self._prompt, self._messages, said, marks)
        self._message.open(self._ttft_ms)
        return self._message

    def _stream(self, message: AssistantMessage, index: int, block: Line) -> Waits:
        pace = self._script.pace or self._talk.pace
        for count, middle in enumerate(message.block(index, block)):
            if middle and self._script.stall:
                yield FOREVER
            if pace or count % _BREATHE_EVERY == _BREATHE_EVERY - 1:
                yield pace

    def _close(self, message: AssistantMessage, stop: str) -> None:
        message.close(stop)
        self._tokens.add(message.usage)
        self._message = None

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
            from engine.backends.simulated_agent.ends import misbehave

            misbehave(script)

    # --- tools ---

    def _use_tool(self, name: str, arguments: Line) -> Generator[Wait, Answer | None, str]:
        """Tell of the tool's use, ask if need be, use it; what it said."""
        mark = zlib.crc32(f"{self._talk.session}/{len(self._talk.prompts)}".encode())
        ask = Ask(name, arguments, f"toolu_{mark:08x}{self._messages:02x}")
        block: Line = {"type": "tool_use", "id": ask.tool_use_id, "name": name, "input": arguments}
        yield from self._say(block, "tool_use")
        self._used = ask
        given = self._talk.ruling(ask) or (yield ask)
        if given is None or given.interrupt:
            raise Interrupted
        if given.allowed:
            said, failed = yield from self._used_tool(name, given.arguments)
        else:
            said, failed = given.message, True
            self._denials.append(_denial(ask))
        self._tool_result(ask, said, is_error=failed)
        return said

    def _used_tool(self, name: str, arguments: Line) -> Generator[Wait, Answer | None, tuple[str, bool]]:
        from engine.backends.simulated_agent import tools

        if name != "Bash":
            return tools.use_file_tool(name, arguments)
        command = tools.Command(arguments)
        self._running = True
        try:
            yield command
        except Interrupted:
            command.kill()
            raise
        self._running = False
        return command.said()

    def _tool_result(self, ask: Ask, said: str, *, is_error: bool) -> None:
        self._used = None
        content: list[Line] = [
            {"tool_use_id": ask.tool_use_id, "type": "tool_result", "content": said, "is_error": is_error}
        ]
        self._inject(content, tool_use_result=f"Error: {said}" if is_error else {"stdout": said, "stderr": ""})

    def _inject(self, content: list[Line], **fields: object) -> None:
        lines.write_line(lines.user(content, self._talk.session, **fields))
        self._talk.keep("user", {"role": "user", "content": content})

    # --- endings ---

    def _faulted(self, name: str, given_times: int | None) -> Generator[Wait, Answer | None, bool]:
        """Do a fault of the script or the window, with the CLI's own retries; whether the turn ended by it."""
        from engine.backends.simulated_agent.failures import failure

        failing = failure(name, self._talk.model)
        if failing is None:
            return False
        times = failing.times if given_times is None else given_times
        attempt = 0
        while self._talk.fails_again(self._prompt, times):
            yield FOREVER if failing.silent else self._script.delay or self._talk.latency
            if not failing.retried or attempt >= self._talk.max_retries:
                yield from self._failed(failing, attempt)
                return True
            attempt += 1
            yield self._retry(failing, attempt)
        return False

    def _retry(self, failing: Failure, attempt: int) -> float:
        """Tell of a retry; the seconds before it."""
        delay = failing.retry_delay(attempt)
        retry = lines.system(
            "api_retry",
            self._talk.session,
            attempt=attempt,
            max_retries=self._talk.max_retries,
            retry_delay_ms=int(delay * 1000),
            error_status=failing.status,
            error=failing.retry_error,
        )
        lines.write_line(retry)
        return delay

    def _failed(self, failing: Failure, retries: int) -> Waits:
        """The lines of a failure that nothing helped: a synthetic message and the result."""
        if failing.mid_answer:
            message = self._open("")
            yield from self._stream(message, 0, {"type": "text", "text": "The answer so far"})
            self._message = None
        text = failing.text_after(retries)
        told = failing.facts()
        shown = lines.message(lines.new_uuid(), "<synthetic>", [{"type": "text", "text": text}], Tokens().usage())
        shown["stop_reason"] = "stop_sequence"
        marks = {"error": failing.error, "is_api_error_message": True, **told, **self._marks}
        lines.write_line(lines.assistant(shown, self._talk.session, **marks))
        self._end(
            result=text, stop_reason="stop_sequence", terminal_reason=failing.terminal_reason, is_error=True, **told
        )

    def _aborted(self) -> None:
        """The end of an interrupted turn: what was streamed is kept, then the CLI's note."""
        ask = self._used
        if ask is not None:
            if not self._running:
                self._denials.append(_denial(ask))
            self._tool_result(ask, _STOPPED if self._running else _REJECTED, is_error=True)
        elif self._message is not None:
            self._message.cut()
        self._inject([{"type": "text", "text": _CUT_TOOL if ask else _CUT_STREAM}])
        stop = "tool_use" if ask else None
        told = f"[ede_diagnostic] result_type=user last_content_type=n/a stop_reason={stop or 'null'}"
        reason = "aborted_tools" if ask else "aborted_streaming"
        self._end(errors=[told], stop_reason=stop, terminal_reason=reason, is_error=True)

    def _end(self, *, is_error: bool, **fields: object) -> None:
        """The result line, and where the user lines stand now."""
        fields["subtype"] = "error_during_execution" if "errors" in fields else "success"
        fields["is_error"] = is_error
        fields["num_turns"] = max(1, self._messages)
        fields["duration_ms"] = fields["duration_api_ms"] = self._elapsed_ms()
        fields["permission_denials"] = self._denials
        if self._ttft_ms is not None:
            fields["ttft_ms"] = self._ttft_ms
        self._talk.end(self._uuids, self._tokens, {**fields, **self._marks})

    def _elapsed_ms(self) -> int:
        return int((time.monotonic() - self._began) * 1000)


def _denial(ask: Ask) -> Line:
    return {"tool_name": ask.name, "tool_use_id": ask.tool_use_id, "tool_input": ask.arguments}
