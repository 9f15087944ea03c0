"""How a turn ends: its result line, with what it counted on the way, in the CLI's words for each reason."""

from __future__ import annotations

import json
import time

from engine.simulated_agent import lines
from engine.simulated_agent.lines import Line, Tokens

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from engine.simulated_agent.conversation import Conversation
    from engine.simulated_agent.failures import Failure

REJECTED = (
    "The user doesn't want to proceed with this tool use. The tool use was rejected (eg. if it was a file edit, the "
    "new_string was NOT written to the file). STOP what you are doing and wait for the user to tell you how to proceed."
)
STOPPED = f"{REJECTED} Correction to the text above: this call was stopped while running, not refused before it ran."
REFUSED = "{}'s safeguards stopped the response above · continuing once with that noted"
REFUSAL_NOTE = "Your response above was stopped by a safety classifier — this is not a tool or API error."
WITHDRAWN = "Tool permission request aborted"
CUT_STREAM = "[Request interrupted by user]"
CUT_TOOL = "[Request interrupted by user for tool use]"


class Ending:
    """What a turn counts up to its result: API messages, lines put in, tokens, denials."""

    def __init__(self, talk: Conversation, uuids: list[str], marks: Line, origin: object) -> None:
        self._talk = talk
        self._uuids = uuids
        self._marks = marks
        self._origin = origin
        self._began = time.monotonic()
        self.tokens = Tokens()
        self.denials: list[Line] = []
        self.messages = 0
        self.injected = 0
        self.begun_ids: list[str] = []
        self.ttft_ms: int | None = None

    def begun(self) -> None:
        """One more API message is asked for."""
        self.messages += 1
        if self.ttft_ms is None:
            self.ttft_ms = self._elapsed_ms()

    def write(self, *, is_error: bool, kept: bool = False, cancelled: bool = False, **fields: object) -> None:
        """The result line, and where the user lines stand now."""
        subtype = "error_during_execution" if "errors" in fields else "success"
        fields = {"subtype": subtype, "num_turns": 1 + self.injected, **fields, "is_error": is_error}
        fields["duration_ms"] = fields["duration_api_ms"] = self._elapsed_ms()
        fields["permission_denials"] = self.denials
        if self.ttft_ms is not None and not is_error:
            fields["ttft_ms"] = self.ttft_ms
        if self._talk.partial:
            fields["begun_message_ids"] = self.begun_ids
        if fields["subtype"] == "success":
            fields.setdefault("api_error_status", None)
        if self._origin is not None:
            fields["origin"] = self._origin
        self._talk.end(self._uuids, self.tokens, {**fields, **self._marks}, kept=kept, cancelled=cancelled)

    def without_model(self, said: str) -> None:
        """A hook kept the prompt back: no model was called."""
        fields: Line = {"subtype": "success", "is_error": False, "result": said, "num_turns": 0}
        fields |= {"duration_ms": 0, "duration_api_ms": 0, "permission_denials": []}
        self._talk.end(self._uuids, Tokens(), {**fields, **self._marks})

    def structured(self, output: Line) -> None:
        """The answer is an object of the process's schema."""
        said = json.dumps(output, separators=(",", ":"))
        self.write(
            result=said,
            structured_output=output,
            stop_reason="tool_use",
            terminal_reason="completed",
            is_error=False,
        )

    def out_of_turns(self) -> None:
        """The model may not be called again in this turn."""
        told = f"Reached maximum number of turns ({self._talk.max_turns})"
        self._failed("error_max_turns", "max_turns", told, "tool_use", kept=True)

    def over_budget(self, stop_reason: str | None) -> None:
        """Nothing more may be spent by this process."""
        self.tokens = Tokens()
        told = f"Reached maximum budget (${_plain(self._talk.max_budget or 0.0)})"
        self._failed("error_max_budget_usd", "budget_exhausted", told, stop_reason)

    def failed(self, told: str) -> None:
        """Something that is not modelled."""
        self.write(errors=[told], stop_reason="end_turn", terminal_reason="completed", is_error=True)

    def aborted(self, *, in_tool: bool) -> None:
        """The host interrupted the turn."""
        stop = "tool_use" if in_tool else None
        told = f"[ede_diagnostic] result_type=user last_content_type=n/a stop_reason={stop or 'null'}"
        reason = "aborted_tools" if in_tool else "aborted_streaming"
        self.write(errors=[told], stop_reason=stop, terminal_reason=reason, is_error=True)

    def steered(self, said: str, reason: str) -> None:
        """Another prompt takes this one's place; `said` is what it had written."""
        self.write(result=said, stop_reason=None, terminal_reason=reason, is_error=False, cancelled=True)

    def steered_early(self) -> None:
        """Another prompt takes this one's place before anything was written."""
        told = "[ede_diagnostic] result_type=user last_content_type=n/a stop_reason=null"
        self.write(errors=[told], stop_reason=None, terminal_reason="aborted_streaming", is_error=True)

    def api_failed(self, failing: Failure, retries: int, refused: str | None) -> None:
        """The lines of a failure that nothing helped: a synthetic message and the result.

        `refused` is the message that a safety classifier stopped.
        """
        text = failing.text_after(retries)
        told = failing.facts()
        shown = lines.message(lines.new_uuid(), "<synthetic>", [{"type": "text", "text": text}], Tokens().usage())
        stop = "refusal" if refused else "stop_sequence"
        shown["stop_reason"] = stop
        marks: Line = {"error": failing.error, "is_api_error_message": True, **told}
        if refused:
            self._tell_refusal()
            marks["refused_message_id"] = refused
        else:
            marks |= {"request_id": f"req_{lines.new_uuid()}", **self._marks}
        lines.write_line(lines.assistant(shown, self._talk.session, **marks))
        told |= {"result": text, "stop_reason": stop, "terminal_reason": failing.terminal_reason}
        self.write(is_error=True, kept=False, cancelled=False, **told)

    def _tell_refusal(self) -> None:
        about: Line = {"original_model": self._talk.model, "api_refusal_category": None}
        about |= {"api_refusal_explanation": None, "refused_user_message_uuid": self._marks.get("user_message_uuid")}
        lines.write_line(lines.system("model_refusal_no_fallback", self._talk.session, **about, content=""))

    def cut_off(self, limit: int) -> None:
        """The answer met the limit of output tokens more often than the CLI asks for the rest."""
        text = (
            f"API Error: Claude's response exceeded the {limit} output token maximum. "
            "To configure this behavior, set the CLAUDE_CODE_MAX_OUTPUT_TOKENS environment variable."
        )
        shown = lines.message(lines.new_uuid(), "<synthetic>", [{"type": "text", "text": text}], Tokens().usage())
        shown["stop_reason"] = "stop_sequence"
        told: Line = {"error": "max_output_tokens", "is_api_error_message": True, "api_error": "max_output_tokens"}
        told["api_error_params"] = {"cut": "output_limit"}
        lines.write_line(lines.assistant(shown, self._talk.session, **told))
        ending: Line = {"result": text, "stop_reason": "stop_sequence", "terminal_reason": "api_error"}
        self.write(is_error=True, kept=False, cancelled=False, **ending, api_error="max_output_tokens")

    def retry(self, failing: Failure, attempt: int) -> float:
        """Report a retry; the seconds before it."""
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

    def _failed(self, subtype: str, reason: str, told: str, stop_reason: str | None, *, kept: bool = False) -> None:
        self.write(
            subtype=subtype, errors=[told], stop_reason=stop_reason, terminal_reason=reason, is_error=True, kept=kept
        )

    def _elapsed_ms(self) -> int:
        return int((time.monotonic() - self._began) * 1000)


def _plain(amount: float) -> str:
    """A number of dollars without an exponent or empty decimals."""
    return f"{amount:.10f}".rstrip("0").rstrip(".")
