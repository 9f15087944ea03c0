"""What we read of the agent's replies to our control requests."""

from __future__ import annotations

import msgspec

from engine.sessions.messages import ControlReply


class Started(msgspec.Struct, frozen=True):
    """The reply to `initialize`."""

    pid: int = 0
    claude_code_version: str = ""


class CostSoFar(msgspec.Struct, frozen=True):
    """The cost of a conversation up to now, in US dollars."""

    total_cost_usd: float = 0.0


class ReportedUsage(msgspec.Struct, frozen=True):
    """The reply to `get_usage`."""

    session: CostSoFar = CostSoFar()


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
