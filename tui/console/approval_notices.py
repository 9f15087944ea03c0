"""Approvals that begin to wait while nobody looks: the terminal's bell, and a notice of the desktop."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from engine.base.clock import Clock
from tui.render import formats

EVERY_S = 20.0
"""Seconds between two notices; what begins to wait meanwhile is in the next one."""
SETTINGS = ("bell", "desktop_notices")
"""Settings of the group `console` that `apply_settings` takes."""
_PLAIN_TERMINALS = frozenset({"linux", "dumb", ""})
"""Terminals that take no notices."""
_LONGEST = 120


class ApprovalNotices:
    """Owner of which approvals the operator knows of; `due` returns what is to be written to the terminal."""

    def __init__(self, clock: Clock, term: str) -> None:
        self._clock = clock
        self._term = term
        self._known: frozenset[str] = frozenset()
        self._last = -EVERY_S
        self.bell = True
        self.desktop = "auto"

    def apply_settings(self, settings: Mapping[str, Any]) -> None:
        """Take settings by name; None leaves a value as it is."""
        if (bell := settings.get("bell")) is not None:
            self.bell = bool(bell)
        if (desktop := settings.get("desktop_notices")) is not None:
            self.desktop = str(desktop)

    def due(self, waiting: Collection[str], *, focused: bool, title: str) -> str:
        """What to write now; empty while somebody looks, while nothing new waits, and soon after the last one."""
        if focused:
            self._known = frozenset(waiting)
            return ""
        self._known &= frozenset(waiting)
        fresh = frozenset(waiting) - self._known
        now = self._clock.monotonic()
        if not fresh or now - self._last < EVERY_S:
            return ""
        self._known, self._last = frozenset(waiting), now
        return self._sequences(f"{formats.plural(len(waiting), 'approval')} waiting", title)

    def _sequences(self, text: str, title: str) -> str:
        name = "".join(c for c in title if c.isascii() and c.isprintable() and c != ";")[:_LONGEST] or "quarterdeck"
        wanted = {"auto": {"osc9", "osc777"}, "off": set[str]()}.get(self.desktop, {self.desktop})
        if self._term in _PLAIN_TERMINALS:
            wanted = set()
        found = [f"\x1b]9;{name}: {text}\x07"] if "osc9" in wanted else []
        found += [f"\x1b]777;notify;{name};{text}\x07"] if "osc777" in wanted else []
        return "".join([*found, "\x07" if self.bell else ""])
