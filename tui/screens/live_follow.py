"""What a screen with a transcript does between two paints: it reads what the agent writes, while it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.events.types import SessionState

if TYPE_CHECKING:
    from textual.screen import Screen

    from engine.events.state import SessionView
    from tui.actions.host import ConsoleHost

    _Screen = Screen[Any]  # it is mixed into screens
else:
    _Screen = object

LIVE_HZ = 5.0
"""How often what is being written is read and drawn."""
DRAWER_HZ = 3.0
"""How often in the drawer, which shows its last lines."""
_WRITES = frozenset({SessionState.RUNNING, SessionState.RETRYING, SessionState.APPROVAL, SessionState.BACKGROUND})


class LiveFollow(_Screen):
    """Comes before the screen's own base; `pull` is called so often while the session in it works."""

    if TYPE_CHECKING:  # the screen has it

        @property
        def console(self) -> ConsoleHost:
            """The console."""

    def follow_live(self, hz: float = LIVE_HZ) -> None:
        """Begin; once, when the screen is mounted."""
        self.set_interval(1 / hz, self._look)

    def followed(self) -> SessionView | None:
        """The session whose transcript is in sight."""
        return None

    def pull(self) -> None:
        """Read what is new, in a worker, and show it."""

    def _look(self) -> None:
        row = self.followed() if self.is_active and self.app.app_focus else None
        if row is not None and row.state in _WRITES and not self.console.store.frozen:
            self.pull()
