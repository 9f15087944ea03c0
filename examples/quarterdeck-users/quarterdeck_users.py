"""A plugin screen: a subclass of `tui.screens.base_screen.BaseScreen`, here a `ListScreen`, a list under a cursor.

Install it beside Quarterdeck (`pip install examples/quarterdeck-users`), start the console, and type `:go users`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from engine.events.state import SessionView
from tui.actions.registry import Action
from tui.model.columns import Column
from tui.model.sort import Sort
from tui.model.tables import Listing, command
from tui.render import formats
from tui.render.spans import Line, fit, rule
from tui.screens.list_screen import ListScreen


@dataclass
class User:
    """One user and the sessions of theirs."""

    name: str
    sessions: list[SessionView] = field(default_factory=list)

    @property
    def busy(self) -> int:
        """Sessions that run a turn."""
        return sum(bool(row.request) for row in self.sessions)

    @property
    def cost(self) -> float:
        """Dollars."""
        return sum(row.cost for row in self.sessions)


def _count(key: str, title: str, of: Callable[[User], int]) -> Column[User]:
    return Column(key, title, len(title), 1, lambda u, _: str(of(u)), of, lambda u, _: of(u), "right",
                  most_first=True, unit="count")  # fmt: skip


USERS: Listing[User] = Listing(
    "users",
    "user",
    (
        Column("user", "USER", 20, 0, lambda u, _: u.name, lambda u: u.name, lambda u, _: u.name),
        _count("sessions", "SESSIONS", lambda u: len(u.sessions)),
        _count("busy", "BUSY", lambda u: u.busy),
        Column("cost", "COST", 8, 3, lambda u, _: formats.money(u.cost), lambda u: u.cost, lambda u, _: u.cost,
               "right", most_first=True, unit="dollars"),
    ),
    id=lambda user: user.name,
    command=lambda _user: command("sessions", "--json"),
    usual=Sort("sessions", descending=True),
)  # fmt: skip
"""The list, declared once: from it come the columns, the filter's fields, the order, copy and export."""


class UsersScreen(ListScreen[User]):
    """The users of the pool, those with the most sessions first; all of it is read from `self.store.state`."""

    NAME = "users"
    TITLE = "Users"
    KEY = "f6"
    ACTIONS: ClassVar[tuple[Action, ...]] = (
        Action("users.down", "j,down", "next user", TITLE, "screen.move(1)"),
        Action("users.up", "k,up", "one before", TITLE, "screen.move(-1)"),
        Action("users.open", "enter", "the sessions", TITLE, "screen.open", footer=1, short="sessions"),
        Action("users.filter", "slash", "filter", TITLE, "screen.filter", footer=3, label="/"),
        Action("users.sort", "s", "sort by…", TITLE, "screen.sort", footer=4, short="sort"),
        Action("users.mark", "space", "mark this user", TITLE, "screen.mark"),
        Action("users.back", "escape", "back", TITLE, "screen.back", label="esc"),
        Action("users.interrupt", "I", "interrupt all turns", TITLE, "screen.act('interrupt')", True, 2,
               short="interrupt"),
    )  # fmt: skip
    CSS = "UsersScreen #board { height: 1fr; }"

    def __init__(self) -> None:
        super().__init__(USERS)

    def items(self) -> Sequence[User]:
        """The users, in any order."""
        found: dict[str, User] = {}
        for row in self.store.state.sessions.values():
            if row.user:
                found.setdefault(row.user, User(row.user)).sessions.append(row)
        return list(found.values())

    def draw(self, width: int, height: int) -> list[Line]:
        """One line a user."""
        head = " ".join(fit(column.title, column.width, column.align) for column in USERS.columns)
        lines: list[Line] = [rule("USERS", width), [(f"   {head}", "muted")]]
        for user in self.shown.rows:
            on = user.name == self.cursor
            cells = " ".join(fit(each.text(user, 0.0), each.width, each.align) for each in USERS.columns)
            mark = "◆ " if user.name in self.shown.marks else "  "
            lines.append([("▌" if on else " ", "cursor" if on else ""), (mark + cells, "cursor" if on else "")])
        return lines[:height]

    def targets(self) -> list[SessionView]:
        """What an act is meant for; the console asks first, as everywhere."""
        return [row for user in self.shown.chosen for row in user.sessions]

    def action_open(self) -> None:
        """Sessions, with only those of this user."""
        if self.cursor:
            self.console.navigation.show_sessions(f"user:{self.cursor}")
