"""Who answered a permission that no longer waits: for a second console that answers it too. Pure."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

KEPT = 256
"""Answers that are remembered."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a permission ended: `by` is a name, deadline, withdrawn, engine or a grant; `at` in seconds since 1970."""

    at: float
    allowed: bool
    by: str
    reason: str = ""
    edited: bool = False
    tenant: str = ""

    def sentence(self, now: float) -> str:
        """What happened, and how long ago."""
        ago = f"{max(0.0, now - self.at):.0f} s ago"
        if self.by == "withdrawn":
            return f"It was withdrawn {ago}: {self.reason or 'the agent no longer asks'}."
        if self.by == "deadline":
            return f"Nobody answered, so it was denied at its deadline {ago}."
        word = "edited and allowed" if self.edited else "allowed" if self.allowed else "denied"
        return f"{self.by} {word} it {ago}."


class RecentlyAnswered:
    """Owner of the last outcomes, by permission and by group."""

    def __init__(self) -> None:
        self._outcomes: OrderedDict[str, Outcome] = OrderedDict()

    def add(self, permission: str, group: str, outcome: Outcome) -> None:
        """It ended so."""
        for name in (permission, group):
            self._outcomes[name] = outcome
            self._outcomes.move_to_end(name)
        while len(self._outcomes) > KEPT:
            self._outcomes.popitem(last=False)

    def sentence(self, name: str, now: float, tenant: str | None = None) -> str:
        """What became of a permission or a group, where it is the tenant's; empty when that is not known."""
        outcome = self._outcomes.get(name)
        if outcome is None or tenant not in {None, outcome.tenant}:
            return ""
        return outcome.sentence(now)
