"""The bounded tails of the state that every reducer may write to."""

from __future__ import annotations

from engine.events.state import (
    BUCKET_S,
    BUCKETS_KEPT,
    CAUSES_KEPT,
    CREDENTIALS_KEPT,
    RECENT_KEPT,
    Bucket,
    CauseView,
    RecentLine,
    State,
)
from engine.events.types import Severity


def note(
    state: State,
    mark: str,
    subject: str,
    text: str,
    severity: Severity = Severity.INFO,
    remedy: str = "",
) -> None:
    """One more line of what happened."""
    state.recent.append(RecentLine(state.seq, state.at, mark, subject, text, severity, remedy))
    if len(state.recent) > RECENT_KEPT:
        del state.recent[: len(state.recent) - RECENT_KEPT]


def cause(state: State, mark: str, subject: str, before: str = "", after: str = "", reason: str = "") -> None:
    """One more mark on the time axis; for tuning the reason is who did it."""
    state.causes.append(CauseView(state.at, mark, subject, before, after, reason))
    if len(state.causes) > CAUSES_KEPT:
        del state.causes[: len(state.causes) - CAUSES_KEPT]


def spend(state: State, credential: str, cost: float) -> None:
    """Dollars that a turn cost, at its credential; those that come after the bound are counted together."""
    if not cost:
        return
    costs = state.totals.cost_by_credential
    name = credential or "unknown"
    if name not in costs and len(costs) >= CREDENTIALS_KEPT:
        name = "other"
    costs[name] = costs.get(name, 0.0) + cost


def bucket(state: State, at: float) -> Bucket:
    """The trend's bucket of this moment."""
    start = at - at % BUCKET_S
    if not state.buckets or state.buckets[-1].start < start:
        state.buckets.append(Bucket(start))
        if len(state.buckets) > BUCKETS_KEPT:
            del state.buckets[0]
    return state.buckets[-1]
