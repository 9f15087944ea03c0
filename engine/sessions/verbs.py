"""What an agent is asked beside its turns: a question aside, its workspace's changes, an export, and to go back.

Their source is docs/development/protocol.md, section 3.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from engine.base.errors import AgentRefused, ConversationChanged, NotFound, QuarterdeckError, SessionBusy, VerbUnknown
from engine.base.text import one_line
from engine.sessions.messages import ControlReply
from engine.sessions.session import Session

T = TypeVar("T", bound=msgspec.Struct)

PROMPT_S = 15.0
"""Seconds for what calls no model."""
_UNKNOWN = "unsupported_request"
_CHANGED = "The conversation went on meanwhile; read its prompts again."
_WHY_NOT: dict[str, tuple[type[QuarterdeckError], str, str]] = {
    "turn_running": (SessionBusy, "A turn runs in it.", "Wait for its end, or interrupt it."),
    "target_not_found": (NotFound, "The conversation has no such prompt any more.", _CHANGED),
    "stale_target": (ConversationChanged, "The conversation was not read to its end.", _CHANGED),
    "unseen_later_turn": (ConversationChanged, "The conversation has later prompts than were seen.", _CHANGED),
}


class SideAnswer(msgspec.Struct, frozen=True):
    """The reply to `side_question`; `synthetic` states that no model wrote it."""

    response: str = ""
    synthetic: bool = False


class Export(msgspec.Struct, frozen=True):
    """The reply to `export_conversation`."""

    text: str = ""
    default_filename: str = ""


class Rewound(msgspec.Struct, frozen=True, rename="camel"):
    """The reply to `rewind_conversation`; `prefill_text` is the prompt that was cut off."""

    rewound: bool = False
    prefill_text: str | None = None
    reason: str = ""
    error: str | None = None


class ChangedFile(msgspec.Struct, frozen=True, rename="camel"):
    """One file that differs from the last commit."""

    path: str = ""
    added: int = 0
    removed: int = 0
    is_binary: bool = False
    is_untracked: bool = False
    status: str = ""


class Hunk(msgspec.Struct, frozen=True, rename="camel"):
    """One change of a file; its `lines` begin with a blank, `+` or `-`."""

    old_start: int = 0
    old_lines: int = 0
    new_start: int = 0
    new_lines: int = 0
    lines: list[str] = []


class FileHunks(msgspec.Struct, frozen=True):
    """The changes of one file."""

    path: str = ""
    hunks: list[Hunk] = []


class DiffTotals(msgspec.Struct, frozen=True, rename="camel"):
    """The sums over all files."""

    files_count: int = 0
    lines_added: int = 0
    lines_removed: int = 0


class Omitted(msgspec.Struct, frozen=True):
    """How many files the agent left out."""

    files: int = 0


class Diff(msgspec.Struct, frozen=True, rename="camel"):
    """How a workspace differs from its last commit."""

    stats: DiffTotals = DiffTotals()
    per_file_stats: list[ChangedFile] = []
    hunks: list[FileHunks] = []
    omitted: Omitted = Omitted()
    skipped_large: list[Any] = []


class WorkspaceDiff(msgspec.Struct, frozen=True, rename="camel"):
    """The reply to `get_workspace_diff`."""

    diff: Diff | None = None
    no_diff_reason: str = ""


async def side_question(session: Session, question: str, timeout: float) -> str:
    """The answer of the agent's model, which keeps nothing of it. Raises AgentRefused, VerbUnknown, DeadlinePassed."""
    answer = await _asked(session, SideAnswer, "side_question", timeout, withdraw=True, question=question)
    if answer.synthetic or not answer.response.strip():
        why = one_line(answer.response).strip("()") or "the model wrote nothing"
        raise AgentRefused(f"The agent has no answer: {why}.", remedy="Put it another way, or send it as a prompt.")
    return answer.response


async def workspace_diff(session: Session) -> Diff:
    """What differs from the last commit. Raises NotFound where there is no repository, AgentRefused, VerbUnknown."""
    reply = await _asked(session, WorkspaceDiff, "get_workspace_diff", PROMPT_S)
    if reply.diff is not None:
        return reply.diff
    if reply.no_diff_reason == "no-repository":
        raise NotFound(f"{session.cwd} is no git repository.", field="id", remedy="`git init` makes one.")
    raise AgentRefused(f"The agent gave no diff: {one_line(reply.no_diff_reason) or 'it gave no reason'}.")


async def export_conversation(session: Session) -> Export:
    """The whole conversation as text. Raises AgentRefused, VerbUnknown."""
    return await _asked(session, Export, "export_conversation", PROMPT_S)


async def rewind(session: Session, target: str, last: str) -> str:
    """Go back to before the prompt `target` while `last` is the last one; its text.

    Raises NotFound, SessionBusy, ConversationChanged, AgentRefused, VerbUnknown.
    """
    reply = await _asked(
        session,
        Rewound,
        "rewind_conversation",
        PROMPT_S,
        target_message_uuid=target,
        last_seen_user_message_uuid=last,
    )
    if reply.rewound:
        return reply.prefill_text or ""
    if (known := _WHY_NOT.get(reply.reason)) is not None:
        kind, what, remedy = known
        raise kind(f"Session {session.id} did not go back: {what[0].lower()}{what[1:]}", remedy=remedy)
    raise AgentRefused(f"Session {session.id} did not go back: {one_line(reply.error or reply.reason or 'no reason')}.")


async def _asked(
    session: Session, kind: type[T], subtype: str, timeout: float, *, withdraw: bool = False, **fields: Any
) -> T:
    reply = await session.control(subtype, timeout, withdraw=withdraw, **fields)
    if reply.subtype != "success":
        raise _refused(session, subtype, reply)
    try:
        return msgspec.json.decode(reply.response, type=kind)
    except msgspec.DecodeError as error:
        raise AgentRefused(f"The agent's reply to {subtype} cannot be read: {error}.") from error


def _refused(session: Session, subtype: str, reply: ControlReply) -> AgentRefused:
    why = one_line(reply.error or "no reason was given")
    if reply.error_code == _UNKNOWN or why.startswith("Unsupported control request"):
        remedy = "Update the Claude Code CLI; `quarterdeck doctor` shows its version. The simulator has some of these."
        return VerbUnknown(f"The agent of session {session.id} does not know {subtype}.", remedy=remedy)
    return AgentRefused(f"The agent refused {subtype}: {why}.")
