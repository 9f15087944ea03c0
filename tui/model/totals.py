"""What happened while the view stood still: counted for the health line, and in lines once it goes on. Pure."""

from __future__ import annotations

from engine.events.state import State
from engine.events.types import Severity
from tui.render import formats

LINES = 6
"""Lines shown when the view continues."""
_TOLD = frozenset({"failed", "breaker", "tuning"})


def counts(held: State, live: State) -> tuple[str, ...]:
    """New errors, and whatever else there was of what a person would want to know."""
    if held.engine.engine != live.engine.engine:
        return ("it is another engine now",)
    asked = len(live.permissions.keys() - held.permissions.keys())
    flipped = sum(1 for name, word in live.breakers.items() if held.breakers.get(name, "closed") != word)
    found = (
        (live.totals.turns - held.totals.turns, "turn ended", "turns ended"),
        (asked, "new approval", "new approvals"),
        (live.totals.ended - held.totals.ended, "session ended", "sessions ended"),
        (flipped, "breaker changed", "breakers changed"),
        (len(live.alerts.keys() - held.alerts.keys()), "new alert", "new alerts"),
    )
    errors = formats.plural(max(0, live.totals.errors - held.totals.errors), "new error")
    return (errors, *(f"{number} {one if number == 1 else many}" for number, one, many in found if number > 0))


def lines(held: State, live: State) -> list[str]:
    """The newest of what went wrong or was changed, oldest first, under the counts; empty when there was nothing."""
    shown = counts(held, live)
    if len(shown) == 1 and shown[0].startswith("0 "):
        return []
    known = held.seq if held.engine.engine == live.engine.engine else 0
    new = [
        line for line in live.recent if line.seq > known and (line.mark in _TOLD or line.severity is not Severity.INFO)
    ]
    more = [f"{len(new) - LINES} earlier"] if len(new) > LINES else []
    return [
        " · ".join(shown),
        *more,
        *(f"{formats.clock(line.at)} {line.subject} {line.text}" for line in new[-LINES:]),
    ]
