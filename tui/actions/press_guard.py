"""An approval card must be in sight for a moment before a key answers it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.base.clock import Clock
from engine.events.state import PermissionView

ARMING_S = 0.4
"""Seconds a card must be in sight before a key answers it."""
_STEPS = 3


@dataclass(frozen=True, slots=True)
class ApprovalCard:
    """An approval as it is shown: the question, how far its keys are armed, and how many ask the same."""

    asked: PermissionView
    bar: str
    alike: int = 1


class PressGuard:
    """Owner of which permission is in sight, and since when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = 0.0
        self.permission = ""

    def show(self, permission: str) -> None:
        """This card is in sight now; an empty id means none. The same card keeps its time."""
        if permission != self.permission:
            self.permission = permission
            self._since = self._clock.monotonic()

    @property
    def armed(self) -> bool:
        """Whether a key may answer the card in sight."""
        return bool(self.permission) and self._clock.monotonic() - self._since >= ARMING_S

    @property
    def bar(self) -> str:
        """How far the arming is, in three steps."""
        elapsed = self._clock.monotonic() - self._since
        filled = min(_STEPS, int(_STEPS * elapsed / ARMING_S + 1e-9))
        return "▮" * filled + "▯" * (_STEPS - filled)
