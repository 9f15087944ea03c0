"""What of one conversation survives `/clear` and a change of directory in the same process, and what follows from it.

The rule: a process that may carry anything over is unfit for other conversations. `tests/contract` probes each row
against the CLI that is installed, so that the next version is checked by running it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Remedy(StrEnum):
    """What the engine does about it."""

    GONE = "gone: `/clear` and the change of directory end it"
    TEXT = "cannot happen: a prompt is text, and a request with commands binds the process to its conversation"
    TOOL = "the process serves no other conversation once such a tool was used"
    SETTINGS = "the process serves no other conversation once its directory has settings of the agent"
    OUTPUT = "the process serves no other conversation once a tool's output went into a file"
    ENGINE = (
        "kept in the engine: the agent is given no rules; one that runs in another mode serves no other conversation"
    )
    SWEPT = "the scratch folder is emptied between conversations"
    TASKS = "the process serves no other conversation once it ran background tasks or turns of its own"


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """One thing that a conversation leaves in its process; `survives` is what the CLI 2.1.330 was seen to do."""

    name: str
    survives: bool
    remedy: Remedy


CARRY_OVER = (
    CarriedOver("history", False, Remedy.GONE),
    CarriedOver("working directory", False, Remedy.GONE),
    CarriedOver("instructions of the directory", False, Remedy.GONE),
    CarriedOver("reading the earlier directory unasked", False, Remedy.GONE),
    CarriedOver("reading the earlier transcript unasked", False, Remedy.GONE),
    CarriedOver("shell variables and shell directory", False, Remedy.GONE),
    CarriedOver("model", True, Remedy.TEXT),
    CarriedOver("effort", True, Remedy.TEXT),
    CarriedOver("output style", False, Remedy.TEXT),
    CarriedOver("title", True, Remedy.TEXT),
    CarriedOver("permission mode", True, Remedy.ENGINE),
    CarriedOver("session permission rules", True, Remedy.ENGINE),
    CarriedOver("scheduled prompts", True, Remedy.TOOL),
    CarriedOver("plan mode", True, Remedy.TOOL),
    CarriedOver("MCP servers", True, Remedy.TOOL),
    CarriedOver("background commands", True, Remedy.TASKS),
    CarriedOver("project settings", True, Remedy.SETTINGS),
    CarriedOver("reading an earlier tool's saved output unasked", True, Remedy.OUTPUT),
    CarriedOver("scratch files", False, Remedy.SWEPT),
)
"""Everything that was looked at, in one list."""

LEAVES_NOTHING = frozenset(
    {
        "AskUserQuestion",
        "Bash",
        "Edit",
        "Glob",
        "Grep",
        "LS",
        "MultiEdit",
        "NotebookEdit",
        "NotebookRead",
        "Read",
        "ReportFindings",
        "TodoWrite",
        "ToolSearch",
        "WebFetch",
        "WebSearch",
        "Write",
    }
)
"""Tools after which the process is as before; a tool that is not listed here may leave something."""
SAVED_OUTPUT = "<persisted-output>"
"""How the result of a tool begins whose output the CLI keeps in a file, which the process may read from then on."""


def left_by_tool(tool: str) -> str:
    """Why a process in which this tool was used may serve no other conversation, or nothing."""
    return "" if tool in LEAVES_NOTHING else f"the tool {tool} may have left something in the process"


def left_by_result(text: str) -> str:
    """The same for the result of a tool."""
    return "the output of a tool was kept in a file" if text.lstrip().startswith(SAVED_OUTPUT) else ""
