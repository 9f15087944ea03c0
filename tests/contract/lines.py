"""Lines of an agent as short words, so that the order of whole turns can be written down and compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.simulated_agent.agent import Running

Line = dict[str, Any]

TURN = ("queued", "started", "init*", "requesting*")
"""How every turn that a user line brings begins; a star means that the line names its user lines."""
OWN_TURN = ("init", "requesting", "assistant", "success/completed own")
"""A turn that the agent begins itself when a task in the background has ended."""
TOOL_ROUND = ("user", "requesting*", "assistant")
ALLOWED = "--allowedTools=Bash"
ECHO = '[[tool: Bash {"command": "echo hi"}]]'
TASK_STARTED = ("background_tasks_changed", "task_started")
TASK_ENDED = ("task_updated", "task_notification", "background_tasks_changed")


async def settled(agent: Running, count: int = 1) -> list[Line]:
    """All lines up to the end of so many user lines."""
    for _ in range(count):
        await agent.until(lambda line: line.get("state") in {"completed", "cancelled"})
    return agent.seen


def words(lines: Iterable[Line]) -> list[str]:
    """One word a line; partial messages and texts of the CLI's commands are left out."""
    return [word for line in lines if (word := _word(line))]


def _word(line: Line) -> str:
    match line["type"]:
        case "stream_event":
            return ""
        case "command_lifecycle":
            return str(line["state"])
        case "control_request":
            return f"asks {line['request']['subtype']}"
        case "control_response":
            return f"replies {line['response']['subtype']}"
        case "result":
            return f"{line['subtype']}/{line.get('terminal_reason')}{' own' if line.get('origin') else ''}"
        case "assistant":
            marks = [mark for mark in ("aborted", "error") if line.get(mark)]
            return " ".join(["assistant" + _star(line), *marks])
        case "system":
            name = line["status"] if line["subtype"] == "status" else line["subtype"]
            return f"{name}{_star(line)}"
        case other:
            return str(other)


def _star(line: Line) -> str:
    return "*" if line.get("user_message_uuids") else ""


def only(lines: Iterable[Line], **fields: Any) -> list[Line]:
    """The lines whose fields have these values."""
    return [line for line in lines if all(line.get(name) == value for name, value in fields.items())]
