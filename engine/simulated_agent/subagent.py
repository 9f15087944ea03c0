"""A subagent in the foreground: one answer in a conversation of its own, handed back to the turn that asked for it."""

from __future__ import annotations

import os
import time

from engine.offline_model.script import answer, read_script
from engine.simulated_agent import lines
from engine.simulated_agent.lines import Line, Tokens

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from engine.simulated_agent.conversation import Conversation

BUILT_IN = ("general-purpose",)
CONTEXT_TOKENS = 8_000


class Refusal(Exception):
    """A subagent that cannot be run; the text states which and why."""


def run_subagent(talk: Conversation, arguments: Line, tool_use_id: str) -> tuple[str, Line]:
    """Run it to its end: what it hands back, and the `tool_use_result`. Raises Refusal."""
    kind = str(arguments.get("subagent_type") or BUILT_IN[0])
    known = [*BUILT_IN, *talk.agents]
    if kind not in known:
        raise Refusal(f"Agent type '{kind}' not found. Available agents: {', '.join(known)}")
    prompt = str(arguments.get("prompt", ""))
    script = read_script(talk.replies.script_for(prompt))
    if arguments.get("run_in_background") is not False:
        raise Refusal("Subagents in the background are not modelled by the simulator; pass run_in_background: false.")
    if script.tools or script.fault:
        raise Refusal("Tools and faults of subagents are not modelled by the simulator.")
    run = _Run(talk, kind, str(arguments.get("description", "")), prompt, tool_use_id)
    return run.finish(answer(script, prompts=[prompt], tool_said=None, seed=0))


class _Run:
    """The lines of one subagent."""

    def __init__(self, talk: Conversation, kind: str, description: str, prompt: str, tool_use_id: str) -> None:
        self._talk = talk
        self._id = f"a{os.urandom(8).hex()}"
        self._run_id = f"{os.urandom(4).hex()}-{os.urandom(4).hex()}"
        self._kind = kind
        self._description = description
        self._prompt = prompt
        self._tool_use_id = tool_use_id
        self._began = time.monotonic()
        self._tell(
            "task_started",
            tool_use_id=tool_use_id,
            description=description,
            subagent_type=kind,
            is_backgrounded=False,
            spawn_depth=1,
            task_type="local_agent",
            prompt=prompt,
        )

    def finish(self, text: str) -> tuple[str, Line]:
        """Say it, keep it, hand it back."""
        tokens = Tokens()
        tokens.fresh, tokens.written, tokens.output = len(self._prompt) // 4 + 1, CONTEXT_TOKENS, len(text) // 4 + 1
        self._talk.spend(tokens)
        asked: Line = {"role": "user", "content": [{"type": "text", "text": self._prompt}]}
        block: list[Line] = [{"type": "text", "text": text}]
        said = lines.message(f"msg_{self._id}", self._talk.model, block, tokens.usage())
        messages = [self._line("user", asked), self._line("assistant", said)]
        if self._talk.forwards_subagents:
            for message in messages:
                lines.write_line(message)
        metadata: Line = {"agentType": self._kind, "isBuiltIn": self._kind in BUILT_IN}
        metadata |= {"description": self._description, "toolUseId": self._tool_use_id, "spawnDepth": 1}
        self._talk.keep_subagent(self._id, metadata, messages)
        return self._hand_back(text, tokens)

    def _hand_back(self, text: str, tokens: Tokens) -> tuple[str, Line]:
        took = int((time.monotonic() - self._began) * 1000)
        total = tokens.fresh + tokens.written + tokens.output
        self._tell("task_updated", patch={"status": "completed", "end_time": int(time.time() * 1000)})
        usage: Line = {"total_tokens": total, "tool_uses": 0, "duration_ms": took}
        told: Line = {"tool_use_id": self._tool_use_id, "status": "completed", "output_file": "", "summary": text}
        self._tell("task_notification", **told, usage=usage)
        report = text.replace("\n", "\n  ")
        handed = (
            "[Subagent hand-back] The text below is the final report of a subagent. The report follows:\n"
            f"  {report}\nagentId: {self._id}\n"
            f"<usage>subagent_tokens: {total}\ntool_uses: 0\nduration_ms: {took}</usage>"
        )
        result: Line = {"status": "completed", "prompt": self._prompt, "agentId": self._id, "agentType": self._kind}
        return handed, {**result, "content": [{"type": "text", "text": text}], "totalTokens": total}

    def _line(self, kind: str, message: Line) -> Line:
        return {
            "type": kind,
            "message": message,
            "parent_tool_use_id": self._tool_use_id,
            "agent_id": self._id,
            "session_id": self._talk.session,
            "uuid": lines.new_uuid(),
            "timestamp": lines.now(),
            "subagent_type": self._kind,
            "task_description": self._description,
        }

    def _tell(self, subtype: str, **fields: object) -> None:
        told = lines.task(subtype, self._talk.session, task_id=self._id, run_id=self._run_id, **fields)
        lines.write_line(told)
