"""What of an agent's lines is told to everybody: facts to events. Pure."""

from __future__ import annotations

from engine.events import types as ev
from engine.sessions import protocol_events as f


def event_of(session: str, fact: f.Fact) -> ev.AnyEvent | None:
    """The event that tells of a fact; None for one that concerns the session alone."""
    match fact:
        case f.ActivityChanged(activity):
            return ev.TurnActivity(session=session, activity=activity)
        case f.RetryReported(attempt, delay, status, error):
            return ev.ApiRetry(session=session, attempt=attempt, delay=delay, status=status, error=error)
        case f.LimitReported(status, limit, resets_at):
            return ev.RateLimited(session=session, status=status, limit=limit, resets_at=resets_at)
        case f.ProtocolError(reason, excerpt):
            return ev.ProtocolFault(session=session, reason=reason, excerpt=excerpt)
        case _:
            return None
