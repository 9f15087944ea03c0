"""What outlives a turn: prompts and transcript, permission rules, money spent, tasks in the background, faults met."""

from __future__ import annotations

import os

from engine.offline_model.models import is_accepted
from engine.offline_model.script import BadDirective, duration, is_injected
from engine.offline_model.scripted_replies import VARIABLE, ScriptedReplies, read_replies
from engine.simulated_agent import lines
from engine.simulated_agent.background import Background, Task, notice_text
from engine.simulated_agent.flags import Options
from engine.simulated_agent.hooks import Hooks
from engine.simulated_agent.lines import Line, Spending, Tokens
from engine.simulated_agent.mcp import McpServers
from engine.simulated_agent.project_files import ProjectFiles
from engine.simulated_agent.rules import Rules
from engine.simulated_agent.transcript import History, Kept, Transcript

DEFAULT_RETRIES = 10
MOST_RETRIES = 15
SYSTEM_PROMPT_TOKENS = 13_400
CHARACTERS_PER_TOKEN = 4
REMEMBERED_FAULTS = 256
STRUCTURED_OUTPUT = "StructuredOutput"
LOCAL_COMMANDS = frozenset(
    {
        "add-dir",
        "agents",
        "autocompact",
        "compact",
        "config",
        "context",
        "cost",
        "effort",
        "fast",
        "goal",
        "hooks",
        "init",
        "insights",
        "mcp",
        "memory",
        "model",
        "output-style",
        "permissions",
        "recap",
        "reload-plugins",
        "reload-skills",
        "rename",
        "resume",
        "rewind",
        "status",
        "usage",
    }
)
"""What the CLI does itself when a prompt begins with it; any other text with a slash goes to the model."""


class Conversation:
    """Owned by the agent; the turns read and write it."""

    def __init__(self, options: Options, session: str, history: History) -> None:
        self.session = session
        self.model = options.model or lines.DEFAULT_MODEL
        self.default_model = self.model
        self.mode = options.mode
        self.partial = options.partial
        self.max_turns = options.max_turns
        self.max_budget = options.max_budget
        self.schema = options.schema
        self.asks = options.asks
        self.latency = _knob("QUARTERDECK_SIM_LATENCY")
        self.pace = _knob("QUARTERDECK_SIM_PACE")
        self.max_retries = _whole("CLAUDE_CODE_MAX_RETRIES", DEFAULT_RETRIES, MOST_RETRIES)
        self.max_output_tokens = _whole("CLAUDE_CODE_MAX_OUTPUT_TOKENS", 0, lines.MOST_OUTPUT_TOKENS)
        self.replies = _replies()
        self.files = ProjectFiles(options)
        self.agents = dict(self.files.agents)
        self.forwards_subagents = False
        self.rules = Rules(
            [*options.allowed, *self.files.allowed],
            [*options.disallowed, *self.files.disallowed],
            self.files.asked,
            options.directories,
        )
        self.hooks = Hooks()
        self.mcp = McpServers(options.mcp)
        self.background = Background()
        self.notices: list[tuple[Task, str]] = []
        self.last_was_error = False
        self.moved = False
        self.prompts = history.prompts
        self._built_in = options.tools
        self._answered = history.answered
        self._notes: list[str] = []
        self._spent = Spending()
        self._spent.restore(history.cost.get("modelUsage"))
        self._recent = Spending()
        self._results = 0
        self._keeps, self._mirrors = options.keeps_transcript, options.mirrors
        self._transcript = Transcript(session, keeps=self._keeps, mirrors=self._mirrors, history=history)
        self._cached = bool(self.prompts)
        self._characters = sum(map(len, self.prompts))
        self._faults_met: dict[str, int] = {}
        self._ballast: list[bytes] = []

    @property
    def context_tokens(self) -> int:
        """How full the model's context is."""
        return SYSTEM_PROMPT_TOKENS + self._characters // CHARACTERS_PER_TOKEN

    @property
    def transcript_path(self) -> str:
        """The file of the conversation."""
        return self._transcript.path

    @property
    def cost_usd(self) -> float:
        """What the conversation cost so far, in earlier processes too."""
        return self._spent.cost_usd

    @property
    def model_usage(self) -> Line:
        """What the conversation used so far, by model."""
        return self._spent.model_usage()

    def set_model(self, model: str) -> str:
        """Use another model from the next request on; once a conversation has begun, the CLI says so in it."""
        self.model = model
        if self.prompts:
            said = f"<local-command-stdout>Set model to `{model}`</local-command-stdout>"
            lines.write_line(lines.user(said, self.session, isReplay=True))
        return model

    @property
    def model_is_known(self) -> bool:
        """Whether there is a model of that name."""
        return self.model == lines.DEFAULT_MODEL or is_accepted(self.model)

    @property
    def over_budget(self) -> bool:
        """Whether the process may spend nothing more."""
        return self.max_budget is not None and self.cost_usd >= self.max_budget

    @property
    def tools(self) -> list[str]:
        """The names of all tools that there are."""
        built_in = (
            list(lines.TOOLS) if self._built_in is None else [each for each in lines.TOOLS if each in self._built_in]
        )
        more = [STRUCTURED_OUTPUT] if self.schema is not None else []
        return [name for name in (*built_in, *more, *self.mcp.tools) if not self.rules.removes(name)]

    def join(self, prompt: str) -> str:
        """What the model is asked: the API makes one message of a prompt that a crash left unanswered and the next.

        A text of the CLI's own (`Continue from…`) is no prompt: the last one is asked again.
        """
        if is_injected(prompt) and self.prompts:
            self._answered = True
            return self.prompts[-1]
        unanswered = "" if self._answered or not self.prompts else f"{self.prompts[-1]}\n"
        unanswered += "".join(f"{note}\n" for note in self._notes)
        self._answered = True
        self._notes.clear()
        self.prompts.append(prompt)
        return f"{unanswered}{prompt}"

    def start(self, uuids: list[str]) -> None:
        """The user lines are taken."""
        for uuid in uuids:
            lines.write_line(lines.lifecycle(uuid, "started", self.session))

    def open(self, prompt: str, uuids: list[str]) -> None:
        """A turn starts: the prompt is on disk before anything is answered."""
        self.keep("user", {"role": "user", "content": prompt}, uuids[-1] if uuids else None)
        self.introduce(uuids)

    def note(self, text: str, uuids: list[str]) -> None:
        """A user line that asks for no answer: the model reads it with the next prompt."""
        self.start(uuids)
        self.open(text, uuids)
        self._notes.append(text)
        self.prompts.append(text)
        marks: Line = {"user_message_uuid": uuids[-1], "user_message_uuids": uuids} if uuids else {}
        fields: Line = {"subtype": "success", "is_error": False, "result": "", "num_turns": 0}
        fields |= {"duration_ms": 0, "duration_api_ms": 0, "permission_denials": []}
        self.end(uuids, Tokens(), {**fields, **marks})

    def introduce(self, uuids: list[str]) -> None:
        """The line that states what the agent is and has."""
        marks: Line = {"user_message_uuids": uuids} if uuids else {}
        init = lines.init(
            self.session,
            self.model,
            self.mode,
            style=self.files.output_style,
            tools=self.tools,
            mcp_servers=self.mcp.listed(),
            agents=["general-purpose", *self.agents],
            slash_commands=[*lines.COMMANDS, *self.files.commands],
            **marks,
        )
        lines.write_line(init)

    def keep(self, kind: str, message: Line, uuid: str | None = None, **fields: object) -> None:
        """A message joins the transcript."""
        self._characters += len(str(message.get("content", "")))
        self._transcript.add(kind, message, uuid or lines.new_uuid(), **fields)

    def keep_subagent(self, agent: str, metadata: Line, messages: list[Line]) -> None:
        """The messages of a subagent have a transcript of their own."""
        self._transcript.add_subagent(agent, metadata, messages)

    def keep_notice(self, task: Task, status: str, summary: str) -> str:
        """The model is notified of a task that ended; the text that it reads."""
        text = notice_text(task.id, task.tool_use_id, task.output, status, summary)
        self.keep("user", {"role": "user", "content": [{"type": "text", "text": text}]})
        return text

    @property
    def kept(self) -> list[Kept]:
        """The messages that the conversation has now."""
        return self._transcript.kept

    def rewind(self, target: str) -> tuple[str, str | None]:
        """Go back to before a prompt: its text, and the answer before it."""
        text = next(kept.text for kept in self.kept if kept.uuid == target)
        before = self._transcript.rewind(target)
        self.prompts = [kept.text for kept in self.kept if kept.is_prompt and not is_injected(kept.text)]
        self._answered, self._cached = True, bool(self.prompts)
        self._characters = sum(map(len, self.prompts))
        return text, before

    def save_cost(self) -> None:
        """An orderly end, or `/clear`, leaves the sum for whoever resumes the conversation."""
        self._transcript.add_cost(self.cost_usd, self._spent.model_usage())

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

    def spend(self, tokens: Tokens) -> None:
        """An API message is paid for, whether it came to its end or not."""
        self._spent.add(self.model, tokens)
        self._recent.add(self.model, tokens)

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

    def end(
        self, uuids: list[str], tokens: Tokens, fields: Line, *, kept: bool = False, cancelled: bool = False
    ) -> None:
        """A turn gives its result: `fields` are the turn's own, the sums are the conversation's.

        `kept` is whether the user lines count as completed although the result is an error, `cancelled` the other way.
        """
        result: Line = {
            "type": "result",
            "stop_reason": None,
            **fields,
            "session_id": self.session,
            "total_cost_usd": self.cost_usd,
            "usage": tokens.usage(),
            "modelUsage": self._spent.model_usage(),
            "model_usage_since_last_result": self._recent.model_usage(),
            "queued_turn_count": 0,
            "result_index": self._results,
            "uuid": lines.new_uuid(),
        }
        lines.write_line(result)
        self._results += 1
        self._recent = Spending()
        self.last_was_error = bool(fields["is_error"])
        state = "cancelled" if cancelled or (self.last_was_error and not kept) else "completed"
        for uuid in uuids:
            lines.write_line(lines.lifecycle(uuid, state, self.session))

    def leak(self, size: int) -> None:
        """Hold `size` more bytes for the life of the process; ones, because zeros would not be resident."""
        self._ballast.append(b"\x01" * size)

    def local_command(self, command: str, uuids: list[str]) -> bool:
        """Run a command of the CLI's own without the model; False for a text that is none."""
        name, _, arguments = command.strip().removeprefix("/").partition(" ")
        if name not in LOCAL_COMMANDS:
            return False
        self.start(uuids)
        said = f"The command /{name} is not modelled by the simulator."
        if name == "model" and arguments:
            self.model = arguments.strip()
            said = f"Set model to `{self.model}` for this session only"
        self.introduce(uuids)
        shown = lines.message(lines.new_uuid(), "<synthetic>", [{"type": "text", "text": said}], Tokens().usage())
        source = f"<local-command-stdout>{said}</local-command-stdout>"
        run: Line = {"command": name, "args": arguments}
        lines.write_line(lines.assistant(shown, self.session, local_command_source=source, local_command_run=run))
        marks: Line = {"user_message_uuid": uuids[-1], "user_message_uuids": uuids} if uuids else {}
        fields: Line = {"subtype": "success", "is_error": False, "result": said, "num_turns": 0, "local_command": name}
        fields |= {"duration_ms": 0, "duration_api_ms": 0, "permission_denials": []}
        self.end(uuids, Tokens(), {**fields, **marks})
        return True

    def move(self) -> None:
        """The working directory changed; the earlier one is no workspace any more."""
        self._transcript.move()
        self.rules.directories[0] = os.getcwd()  # noqa: PTH109 - pathlib costs start time
        self.moved = True

    def note_move(self) -> None:
        """The CLI notes a change of directory in a turn of its own, whose result names no prompt."""
        self.moved = False
        self.introduce([])
        fields: Line = {"subtype": "success", "is_error": False, "result": "", "num_turns": 0}
        self.end([], Tokens(), {**fields, "duration_ms": 0, "duration_api_ms": 0, "permission_denials": []})

    def clear(self, uuids: list[str]) -> None:
        """`/clear`: a new conversation in the same process; rules, mode and tasks survive, the price starts at zero."""
        self.start(uuids)
        self.save_cost()
        lines.write_line(lines.conversation_reset(self.session, uuids))
        self.session = lines.new_uuid()
        self.background.tell(self.session)
        self.prompts = []
        self._notes.clear()
        self._spent = Spending()
        self._transcript = Transcript(self.session, keeps=self._keeps, mirrors=self._mirrors)
        self._cached = False
        self._characters = 0
        self.keep("user", {"role": "user", "content": "<command-name>/clear</command-name>"})
        self.introduce(uuids)
        fields: Line = {"subtype": "success", "is_error": False, "result": "", "local_command": "clear"}
        fields |= {"duration_ms": 0, "duration_api_ms": 0, "num_turns": 0, "permission_denials": []}
        if uuids:
            fields |= {"user_message_uuid": uuids[-1], "user_message_uuids": uuids}
        self.end(uuids, Tokens(), fields)

    def tell_of_lost_tasks(self, tasks: dict[str, str]) -> None:
        """A resumed conversation had tasks in the background that its process took with it: the CLI says so unasked."""
        summary = "Background shell command didn't finish before the previous session ended"
        for task_id, tool_use_id in tasks.items():
            told: Line = {"task_id": task_id, "tool_use_id": tool_use_id, "status": "stopped", "output_file": ""}
            lines.write_line(lines.system("task_notification", self.session, **told, summary=summary))
            text = notice_text(task_id, tool_use_id, "", "stopped", summary)
            self.keep("user", {"role": "user", "content": [{"type": "text", "text": text}]})
        if tasks:
            self.introduce([])
            fields: Line = {"subtype": "success", "is_error": False, "result": "", "num_turns": 0}
            fields |= {"duration_ms": 0, "duration_api_ms": 0, "permission_denials": []}
            self.end([], Tokens(), {**fields, "origin": {"kind": "task-notification"}})


def _knob(name: str) -> float:
    """Seconds from the environment; a value that cannot be read counts as none."""
    try:
        return duration(os.environ.get(name, "0"))
    except BadDirective:
        return 0.0


def _replies() -> ScriptedReplies:
    path = os.environ.get(VARIABLE)
    return read_replies(path) if path else ScriptedReplies()


def _whole(name: str, default: int, most: int) -> int:
    """A whole number from the environment; one that cannot be read counts as none."""
    given = os.environ.get(name, "")
    return min(int(given), most) if given.isascii() and given.isdigit() else default
