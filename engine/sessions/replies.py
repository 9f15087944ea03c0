"""What we read of the agent's replies to our control requests."""

from __future__ import annotations

import msgspec

from engine.sessions.messages import ControlReply


class Started(msgspec.Struct, frozen=True):
    """The reply to `initialize`."""

    pid: int = 0
    claude_code_version: str = ""


class Interrupted(msgspec.Struct, frozen=True):
    """The reply to `interrupt`."""

    cancelled: list[str] = []


class Moved(msgspec.Struct, frozen=True):
    """The reply to `set_cwd`."""

    changed: bool = False


class CostSoFar(msgspec.Struct, frozen=True):
    """The cost of a conversation up to now, in US dollars."""

    total_cost_usd: float = 0.0


class ReportedUsage(msgspec.Struct, frozen=True):
    """The reply to `get_usage`."""

    session: CostSoFar = CostSoFar()


class ContextUsage(msgspec.Struct, frozen=True, rename="camel"):
    """The reply to `get_context_usage`, in tokens."""

    total_tokens: int = 0
    max_tokens: int = 0


class StatusRow(msgspec.Struct, frozen=True):
    """One line of the agent's status."""

    label: str = ""
    value: str = ""


class StatusSection(msgspec.Struct, frozen=True):
    """A part of the agent's status."""

    rows: list[StatusRow] = []


class Status(msgspec.Struct, frozen=True):
    """The reply to `get_status`."""

    sections: list[StatusSection] = []


def resumed_conversation(reply: ControlReply) -> str:
    """The conversation that the agent states it is in; empty from one that does not say so."""
    try:
        sections = msgspec.json.decode(reply.response, type=Status).sections
    except msgspec.DecodeError:
        return ""
    rows = (row for section in sections for row in section.rows)
    return next((row.value for row in rows if row.label == "Session ID"), "")


def started(reply: ControlReply) -> Started:
    """The reply to `initialize`; one of another shape says nothing."""
    try:
        return msgspec.json.decode(reply.response, type=Started)
    except msgspec.DecodeError:
        return Started()


def cost_so_far(reply: ControlReply) -> float | None:
    """What the conversation has cost up to now; None from an agent that does not say so."""
    try:
        return msgspec.json.decode(reply.response, type=ReportedUsage).session.total_cost_usd
    except msgspec.DecodeError:
        return None


def context_usage(reply: ControlReply) -> ContextUsage | None:
    """How full the context is; None from an agent that does not say so."""
    try:
        usage = msgspec.json.decode(reply.response, type=ContextUsage)
    except msgspec.DecodeError:
        return None
    return usage if usage.total_tokens and usage.max_tokens else None


def changed_directory(reply: ControlReply) -> bool:
    """Whether the reply to `set_cwd` states that the directory is another one now."""
    try:
        return msgspec.json.decode(reply.response, type=Moved).changed
    except msgspec.DecodeError:
        return False


def cancelled_in(reply: ControlReply) -> list[str]:
    """The queued prompts that the reply to `interrupt` names as cancelled."""
    try:
        return msgspec.json.decode(reply.response, type=Interrupted).cancelled
    except msgspec.DecodeError:
        return []
