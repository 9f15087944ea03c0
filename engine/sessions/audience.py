"""Who watches a session's answers grow, as far as the agent knows; for nobody it writes more rarely. Pure."""

from __future__ import annotations

import math

LOOKED_S = 10.0
"""Seconds after a look at the transcript in which it counts as open."""


class Audience:
    """Owner of what the agent knows of its watchers; it starts with one. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._known = True
        self._looked = -math.inf

    def turn_begins(self, now: float, *, watched: bool) -> bool | None:
        """Whether somebody watches the turn that begins, for a caller who does or not; None when the agent knows it."""
        return self._change(watched or now - self._looked < LOOKED_S)

    def look(self, now: float) -> bool | None:
        """A person reads the transcript: True when the agent does not know it."""
        self._looked = now
        return self._change(True)

    def _change(self, watched: bool) -> bool | None:
        if watched is self._known:
            return None
        self._known = watched
        return watched
