"""A screen of one's own: a subclass of `tui.screens.station.Station`, here by way of `Board`, a list under a cursor.

Install it beside Quarterdeck (`pip install examples/quarterdeck-users`), start the console, and type `:go users`.
"""

from __future__ import annotations

from typing import ClassVar

from engine.events.state import SessionView
from tui import formats
from tui.actions import Action
from tui.screens.board import Board
from tui.spans import Line, fit, rule


class UsersScreen(Board):
    """The users of the pool, those with the most sessions first; all of it is read from `self.store.state`."""

    NAME = "users"
    TITLE = "Users"
    KEY = "f6"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("users.down", "j,down", "next user", TITLE, "screen.move(1)"),
        Action("users.up", "k,up", "one before", TITLE, "screen.move(-1)"),
        Action("users.open", "enter", "the sessions", TITLE, "screen.open", footer=1, short="sessions"),
        Action("users.copy", "y", "copy the name", TITLE, "screen.copy"),
        Action("users.back", "escape", "back", TITLE, "screen.back", label="esc"),
        Action("users.interrupt", "I", "interrupt all turns", TITLE, "screen.act('interrupt')", True, 2,
               short="interrupt"),
    )  # fmt: skip
    CSS = "UsersScreen #board { height: 1fr; }"

    def rows(self) -> list[str]:
        """The users."""
        sessions = self._sessions()
        return sorted(sessions, key=lambda user: (-len(sessions[user]), user))

    def draw(self, width: int, height: int) -> list[Line]:
        """One line a user."""
        lines: list[Line] = [rule("USERS", width), [(f"  {'':20} sessions  busy  cost", "muted")]]
        sessions = self._sessions()
        for user in self.rows():
            mine, on = sessions[user], user == self.cursor
            figures = f"{len(mine):>8}  {sum(bool(row.request) for row in mine):>4}"
            text = f" {fit(user, 20)} {figures}  {formats.money(sum(row.cost for row in mine))}"
            lines.append([("▌" if on else " ", "cursor" if on else ""), (text, "cursor" if on else "")])
        return lines[:height]

    def targets(self) -> list[SessionView]:
        """What an act is meant for; the console asks first, as everywhere."""
        return self._sessions().get(self.cursor, [])

    def action_open(self) -> None:
        """Sessions, with only those of this user."""
        if self.cursor:
            self.console.show_sessions(f"user:{self.cursor}")

    def _sessions(self) -> dict[str, list[SessionView]]:
        found: dict[str, list[SessionView]] = {}
        for row in self.store.state.sessions.values():
            if row.user:
                found.setdefault(row.user, []).append(row)
        return found
