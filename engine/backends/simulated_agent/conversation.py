"""What outlives a turn: prompts and transcript, permission rules, tokens spent, faults already met."""

from __future__ import annotations

import os

from engine.backends.simulated_agent import lines
from engine.backends.simulated_agent.flags import Options
from engine.backends.simulated_agent.lines import Line, Tokens
from engine.backends.simulated_agent.permission import Answer, Ask
from engine.backends.simulated_agent.transcript import Transcript, find_transcript, read_prompts
from engine.offline.script import BadDirective, duration, is_injected

DEFAULT_RETRIES = 10
SYSTEM_PROMPT_TOKENS = 13_400
CHARACTERS_PER_TOKEN = 4
REMEMBERED_FAULTS = 256


class Conversation:
    """Owned by the agent; the turns read and write it."""

    def __init__(self, options: Options, session: str) -> None:
        self.session = session
        self.model = options.model or lines.DEFAULT_MODEL
        self.default_model = self.model
        self.mode = options.mode
        self.partial = options.partial
        self.latency = _knob("QUARTERDECK_SIM_LATENCY")
        self.pace = _knob("QUARTERDECK_SIM_PACE")
        self.max_retries = _retries()
        self.allowed = list(options.allowed)
        self.disallowed = list(options.disallowed)
        self.spent = Tokens()
        self.moved = False
        self._results = 0
        self.last_was_error = False
        self._asks = options.asks
        self._keeps = options.keeps_transcript
        known = find_transcript(session)
        self.prompts, self._answered = read_prompts(known) if known else ([], True)
        self._transcript = Transcript(session, keeps=self._keeps)
        self._cached = bool(self.prompts)
        self._characters = sum(map(len, self.prompts))
        self._faults_met: dict[str, int] = {}
        self._ballast: list[bytes] = []

    @property
    def context_tokens(self) -> int:
        """How full the model's context is."""
        return SYSTEM_PROMPT_TOKENS + self._characters // CHARACTERS_PER_TOKEN

    def join(self, prompt: str) -> str:
        """What the model is asked: the API makes one message of a prompt that a crash left unanswered and the next.

        A text of the CLI's own (`Continue from…`) is no prompt: the last one is asked again.
        """
        if is_injected(prompt) and self.prompts:
            self._answered = True
            return self.prompts[-1]
        unanswered = "" if self._answered or not self.prompts else f"{self.prompts[-1]}\n"
        self._answered = True
        self.prompts.append(prompt)
        return f"{unanswered}{prompt}"

    def begin(self, prompt: str, uuids: list[str]) -> None:
        """A turn starts: the prompt is on disk before anything is answered."""
        for uuid in uuids:
            lines.write_line(lines.lifecycle(uuid, "started", self.session))
        self.keep("user", {"role": "user", "content": prompt}, uuids[-1] if uuids else None)
        lines.write_line(lines.init(self.session, self.model, self.mode))

    def keep(self, kind: str, message: Line, uuid: str | None = None) -> None:
        """A message joins the transcript."""
        self._characters += len(str(message.get("content", "")))
        self._transcript.add(kind, message, uuid or lines.new_uuid(), lines.now())

    def count(self, prompt: str, said: str) -> Tokens:
        """The tokens of one API message: the first of a conversation writes the cache, later ones read it."""
        tokens = Tokens()
        tokens.fresh = len(prompt) // CHARACTERS_PER_TOKEN + 1
        tokens.output = len(said) // CHARACTERS_PER_TOKEN + 1
        if self._cached:
            tokens.read = self.context_tokens
        else:
            tokens.written = self.context_tokens
        self._cached = True
        return tokens

    def ruling(self, ask: Ask) -> Answer | None:
        """What the rules say to a tool's use; None when somebody must be asked."""
        from engine.backends.simulated_agent.tools import Verdict, verdict

        ruled = verdict(ask.name, ask.arguments, self.mode, self.allowed, self.disallowed)
        if ruled == Verdict.ALLOW:
            return ask.allowed()
        if ruled == Verdict.ASK and self._asks:
            return None
        return ask.denied(f"Permission to use {ask.name} has been denied.")

    def fails_again(self, prompt: str, times: int | None) -> bool:
        """Whether one more request for this prompt fails; `times` None is always."""
        if times is None:
            return True
        if prompt not in self._faults_met:
            # A resumed conversation that holds the prompt already met the fault then.
            self._faults_met[prompt] = self.prompts.count(prompt) - 1
        self._faults_met[prompt] += 1
        while len(self._faults_met) > REMEMBERED_FAULTS:
            del self._faults_met[next(iter(self._faults_met))]
        return self._faults_met[prompt] <= times

    def end(self, uuids: list[str], tokens: Tokens, fields: Line) -> None:
        """A turn gives its result: `fields` are the turn's own, the sums are the conversation's."""
        result: Line = {
            "type": "result",
            "stop_reason": None,
            "api_error_status": None,
            **fields,
            "session_id": self.session,
            "total_cost_usd": self.spent.cost_usd,
            "usage": tokens.usage(),
            "modelUsage": self.spent.model_usage(self.model),
            "model_usage_since_last_result": tokens.model_usage(self.model),
            "queued_turn_count": 0,
            "result_index": self._results,
            "uuid": lines.new_uuid(),
        }
        lines.write_line(result)
        self._results += 1
        self.last_was_error = bool(fields["is_error"])
        state = "cancelled" if self.last_was_error else "completed"
        for uuid in uuids:
            lines.write_line(lines.lifecycle(uuid, state, self.session))

    def leak(self, size: int) -> None:
        """Hold `size` more bytes for the life of the process; ones, because zeros would not be resident."""
        self._ballast.append(b"\x01" * size)

    def move(self) -> None:
        """The working directory changed."""
        self._transcript.move()
        self.moved = True

    def note_move(self) -> None:
        """The CLI notes a change of directory in a turn of its own, whose result names no prompt."""
        self.moved = False
        lines.write_line(lines.init(self.session, self.model, self.mode))
        fields: Line = {"subtype": "success", "is_error": False, "result": "", "num_turns": 0}
        self.end([], Tokens(), {**fields, "duration_ms": 0, "duration_api_ms": 0, "permission_denials": []})

    def clear(self, uuids: list[str]) -> None:
        """`/clear`: a new conversation in the same process; rules and mode survive, the price starts at zero."""
        for uuid in uuids:
            lines.write_line(lines.lifecycle(uuid, "started", self.session))
        lines.write_line(lines.conversation_reset(self.session, uuids))
        self.session = lines.new_uuid()
        self.prompts = []
        self.spent = Tokens()
        self._transcript = Transcript(self.session, keeps=self._keeps)
        self._cached = False
        self._characters = 0
        self.keep("user", {"role": "user", "content": "<command-name>/clear</command-name>"})
        lines.write_line(lines.init(self.session, self.model, self.mode))
        fields: Line = {"subtype": "success", "is_error": False, "result": "", "local_command": "clear"}
        fields |= {"duration_ms": 0, "duration_api_ms": 0, "num_turns": 0, "permission_denials": []}
        fields["user_message_uuids"] = uuids
        if uuids:
            fields["user_message_uuid"] = uuids[-1]
        self.end(uuids, Tokens(), fields)


def _knob(name: str) -> float:
    """Seconds from the environment; a value that cannot be read counts as none."""
    try:
        return duration(os.environ.get(name, "0"))
    except BadDirective:
        return 0.0


def _retries() -> int:
    given = os.environ.get("CLAUDE_CODE_MAX_RETRIES", "")
    return min(int(given), 15) if given.isascii() and given.isdigit() else DEFAULT_RETRIES
