"""What a host asks beside the turns, as the CLI answers it (measured on 2.1.330); loaded when the first is asked.

What is not modelled is refused by its name.
"""

from __future__ import annotations

import os
import re
import time

from engine.offline_model.script import Script, answer, deltas, read_script
from engine.simulated_agent.lines import Line

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from engine.simulated_agent.conversation import Conversation
    from engine.simulated_agent.transcript import Kept

WIDTH = 80
"""Columns of an exported conversation."""
_NO_QUESTION = "(API error: undefined is not an object (evaluating 't.startsWith'))"
_USED_A_TOOL = (
    "(The model tried to call {} instead of answering directly. Try rephrasing or ask in the main conversation.)"
)
_COUNTED = {"Bash": ("Ran", "shell command"), "Read": ("Read", "file")}


class NotModelled(Exception):
    """The simulator has no answer to this; the text names what."""


def side_answer(talk: Conversation, question: object) -> tuple[float, Line]:
    """The seconds that the answer takes, and the answer. Raises NotModelled."""
    if not isinstance(question, str):
        return 0.0, {"response": _NO_QUESTION, "synthetic": True}
    if not question.strip():
        raise NotModelled("The simulator does not model an empty side question.")
    script = read_script(talk.replies.script_for(question))
    said, synthetic = _said(talk, script, question)
    if not synthetic:
        talk.spend(talk.count(question, said))
    pace = (script.pace or talk.pace) * len(deltas(said))
    return (script.delay or talk.latency) + pace, {"response": said, "synthetic": synthetic}


def _said(talk: Conversation, script: Script, question: str) -> tuple[str, bool]:
    if script.crash or script.hang or script.stall or script.garbage or script.exit_code is not None:
        raise NotModelled("The simulator does not model faults of the process in a side question.")
    if script.fault is not None:
        return _fault(talk, script.fault), True
    if script.tools and not script.problem:
        return _USED_A_TOOL.format(script.tools[0][0]), True
    return answer(script, prompts=[*talk.prompts, question], tool_said=None, seed=0), False


def _fault(talk: Conversation, name: str) -> str:
    from engine.simulated_agent.failures import failure

    failing = failure(name, talk.model)
    if failing is None or failing.silent or failing.mid_answer:
        raise NotModelled(f"The simulator does not model the fault {name!r} in a side question.")
    return f"(API error: {failing.text_after(0).removeprefix('API Error: ')})"


def rewind(talk: Conversation, request: Line, *, busy: bool) -> Line:
    """Go back to before a prompt; why not, where that cannot be. Raises NotModelled for a bad argument."""
    target, last = request.get("target_message_uuid"), request.get("last_seen_user_message_uuid")
    if not isinstance(target, str):
        raise NotModelled("rewind_conversation: target_message_uuid must be a string")
    if busy:
        return _not_rewound("turn_running")
    prompts = [kept.uuid for kept in talk.kept if kept.is_prompt]
    if target not in prompts:
        return _not_rewound("target_not_found")
    if not isinstance(last, str):
        return _not_rewound("stale_target")
    if last != prompts[-1]:
        return _not_rewound("unseen_later_turn")
    text, before = talk.rewind(target)
    return {"rewound": True, "targetMessageUuid": target, "prefillText": text, "precedingAssistantUuid": before}


def _not_rewound(reason: str) -> Line:
    told: Line = {"error": reason.replace("_", " "), "reason": reason}
    return {"rewound": False, "prefillText": None, "precedingAssistantUuid": None, **told}


def workspace_diff() -> Line:
    """That there is no repository to compare with. Raises NotModelled where there is one."""
    folder = os.getcwd()  # noqa: PTH109 - pathlib costs start time
    while folder:
        if os.path.lexists(f"{folder}/.git"):
            raise NotModelled("The simulator does not model get_workspace_diff in a git repository.")
        folder = folder.rpartition("/")[0]
    return {"diff": None, "noDiffReason": "no-repository"}


def export(talk: Conversation) -> Line:
    """The conversation as text, without the CLI's drawing of Markdown. Raises NotModelled for a tool that it names."""
    parts: list[str] = []
    used: dict[str, int] = {}
    failed = 0
    for kept in talk.kept:
        if kept.tool:
            used[kept.tool] = used.get(kept.tool, 0) + 1
        failed += kept.failed
        if kept.text and used:
            parts.append(_tools(used, failed))
            used, failed = {}, 0
        if kept.text:
            parts.append(_wrapped("❯" if kept.is_prompt else "●", kept.text))
    if used:
        parts.append(_tools(used, failed))
    return {"text": "\n" + "\n\n".join(parts) if parts else "", "default_filename": _file_name(talk.kept)}


def _tools(used: dict[str, int], failed: int) -> str:
    said: list[str] = []
    for tool, count in used.items():
        if tool not in _COUNTED:
            raise NotModelled(f"The simulator does not model the export of a use of {tool}.")
        verb, noun = _COUNTED[tool]
        said.append(f"{verb if not said else verb.lower()} {count} {noun}{'' if count == 1 else 's'}")
    failures = f" · {failed} failed" if failed else ""
    return f"  {', '.join(said)}{failures} (ctrl+o to expand)"


def _wrapped(sign: str, text: str) -> str:
    from textwrap import wrap

    lines = [each for line in text.split("\n") for each in wrap(line, WIDTH - 2, drop_whitespace=False) or [""]]
    return "\n".join(f"{sign if not at else ' '} {line}".rstrip() for at, line in enumerate(lines))


def _file_name(chain: list[Kept]) -> str:
    first = next((kept.text for kept in chain if kept.is_prompt), "")
    slug = "-".join(re.findall(r"[a-z0-9]+", first.partition("\n")[0].lower()))[:48].strip("-")
    moment = time.strftime("%Y-%m-%d-%H%M%S")
    return f"{moment}-{slug}.txt" if slug else f"conversation-{moment}.txt"
