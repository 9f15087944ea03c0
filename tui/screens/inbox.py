"""The inbox of approvals: what waits, by action, answered group by group from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on
from textual.binding import Binding, BindingType

from engine.approvals.groups import PermissionGroup, groups_of
from tui.actions import approval_edit, line_answers, mouse
from tui.actions.press_guard import PressGuard
from tui.actions.registry import KeyScope, bindings, in_scope
from tui.model.list_state import ListState
from tui.render.spans import Line, between, columns
from tui.screens import inbox_lines as draw
from tui.screens import list_lines
from tui.screens.approval_card import CardReading
from tui.screens.dialogs import Overlay
from tui.screens.help import Help
from tui.screens.list_actions import ListActions
from tui.widgets.styled import LineBlock

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost

_FRAME = 3
"""Lines of the box around its own: border and padding."""
_HEAD = 2
"""Lines above the first row."""
_EDITOR = 3
_ROWS_SHARE = 50
"""Percent of a wide box that the rows take; beside them stands what is read."""
_LEAST_ROWS, _MOST_ROWS = 2, 10
_BESIDE = 5
"""Lines above and below the box and its card: margins, filter, head, blank."""
_REPAINT_S = 0.15


class Inbox(ListActions[PermissionGroup], Overlay[str]):
    """All that waits for an answer. It is left with the session whose context is wanted, or with none.

    The cursor and the marks are keys of groups, so what comes or goes moves no answer to another group; each group
    that comes under the cursor must be in sight for 0.4 s before a key answers it.
    """

    EDITOR = "#entry"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(KeyScope.INBOX),
        Binding("exclamation_mark,q", "leave", show=False),
        Binding("question_mark", "keys", show=False),
    ]

    def __init__(self, press_guard: PressGuard) -> None:
        super().__init__("APPROVALS", [], "", entry="words  field:value  !word")
        self._press_guard = press_guard
        self.shown = ListState(draw.GROUPS)
        self._first = 0
        self._most = 0
        self._drawn = 0
        self._waking = False
        self._reading = CardReading()
        self._leaves: dict[str, int] = {}
        self._in_input = False

    @property
    def console(self) -> ConsoleHost:
        """The app, with its type."""
        return cast("ConsoleHost", self.app)

    @property
    def group(self) -> PermissionGroup | None:
        """The one under the cursor."""
        return self.shown.row

    def on_mount(self) -> None:
        """Show what waits."""
        keys = self.console.keys
        said = f"{keys.shown('view.help')} keys · {keys.shown('inbox.back')} close"
        self.query_one("#box").border_subtitle = self._in_glyphs(said)
        self.edit(False)

    def paint(self) -> None:
        """Take what waits as it is now, and show it."""
        if not self.is_mounted or not self.query("#lines"):
            return
        now, shown = self.console.store.now, self.shown
        shown.take(groups_of(self.console.store.state.permissions.values()), now, still=not self.is_active)
        permission = self.permission
        asked = self.console.store.state.permissions.get(permission)
        self._reading.follow(asked, self.console.store.state, now)
        self._press_guard.show(f"{shown.cursor} {permission}" if shown.cursor else "")
        if shown.cursor and not self._press_guard.armed and not self._waking:
            self._waking = True
            self.set_timer(_REPAINT_S, self._woken)
        box = self.query_one("#box")
        box.border_title = draw.title(shown.rows)
        width = self.query_one("#lines", LineBlock).size.width
        if width > 0:
            self._draw(now, width)
        if permission and self._reading.wants(permission, past=self.console.store.past):
            self.run_worker(self._pull(permission), group="approval", exit_on_error=False)

    def _draw(self, now: float, width: int) -> None:
        actions = in_scope(KeyScope.INBOX, actions=self.console.keys.actions)
        keys = draw.keys(actions, width, read_only=bool(self.console.refusal))
        if self.has_class("-short"):
            keys = keys[:2]  # `?` shows the others
        room = self.room_height - _FRAME - _BESIDE - len(keys) - (_EDITOR if self.editing else 0)
        wide = self.has_class("-wide")
        body = self._beside(now, width, room) if wide else self._below(now, width, room)
        self.rewrite([self._standing(width), *body, [], *keys])

    def _below(self, now: float, width: int, room: int) -> list[Line]:
        """The rows, and below them the card. The list grows and never shrinks, so that an answer moves nothing."""
        shown = self.shown
        self._most = max(self._most, min(_MOST_ROWS, max(_LEAST_ROWS, len(shown.order))))
        most = max(1, min(self._most, room // 3, room - draw.LEAST_CARD))
        table, self._first = draw.rows(shown, now, width, most)
        self._drawn = min(most, len(shown.order) - self._first)
        return [draw.head(shown, width), *table, *self._card(now, width, max(draw.LOWEST_CARD, room - most))]

    def _beside(self, now: float, width: int, room: int) -> list[Line]:
        """The rows of a wide terminal, and beside them the request that is read."""
        shown, left = self.shown, width * _ROWS_SHARE // 100
        table, self._first = draw.rows(shown, now, left, room)
        self._drawn = min(room, len(shown.order) - self._first)
        side = width - left - 2
        view = self._reading.view(self.permission) if self.permission else None
        rows = view.rows(side) + view.unread if view is not None else 0  # the facts stand right below the input
        _gone, *card = self._card(now, side, min(room + 1, max(_LEAST_ROWS, rows) + draw.LEAST_CARD + 1))
        gone = self._reading.gone(now, width)
        head = [draw.head(shown, left), *table]
        return [*([gone] if gone else []), *columns(head, card, left + 2, width)][: room + 1]

    def _card(self, now: float, width: int, height: int) -> list[Line]:
        return draw.card(
            self.group,
            self._reading.view(self.permission) if self.permission else None,
            now,
            self._press_guard.bar,
            width,
            height,
            self.leaf,
            self._reading.gone(now, width),
            self._nothing(),
            self.console.keys,
        )

    @property
    def permission(self) -> str:
        """The one whose input is shown: each different input of a group has one."""
        group = self.group
        if group is None:
            return ""
        pages = group.pages or group.permissions
        return pages[min(self._leaves.get(group.key, 0), len(pages) - 1)]

    @property
    def leaf(self) -> draw.Leaf:
        """Which of the group's inputs is shown."""
        group = self.group
        if group is None or len(group.pages) < 2:
            return draw.Leaf()
        read = sum(self._reading.view_known(page) for page in group.pages)
        return draw.Leaf(group.pages.index(self.permission), len(group.pages), read)

    def _inputs_read(self, groups: Sequence[PermissionGroup]) -> tuple[int, int]:
        """How many of the different inputs of these groups were read whole, and how many there are."""
        pages = [page for group in groups for page in group.pages or group.permissions[:1]]
        return sum(self._reading.view_known(page) for page in pages), len(pages)

    async def _pull(self, permission: str) -> None:
        feed = self.console.feed
        if feed is not None and await self._reading.reader.pull(feed, self._reading.view(permission)):
            self.paint()

    def _nothing(self) -> str:
        back = self.console.keys.shown("inbox.back")
        if self.shown.total:
            return f"No group passes this filter; {back} shows all."
        return f"All are answered; {back} closes."

    def _standing(self, width: int) -> Line:
        shown = self.shown
        text = shown.problem or shown.filter.text
        left: Line = [(" / ", "strong"), (text or "all", "fail" if shown.problem else "" if text else "muted")]
        return between(left, list_lines.status_line(shown, shown.listing.column(shown.sort.key).title), width)

    def leave(self) -> None:
        """To the screen below."""
        self.dismiss(None)

    def action_open(self) -> None:
        """Leave for the transcript of the session that waits longest."""
        if self.group is not None:
            self.dismiss(self.group.sessions[0])

    def action_move(self, step: int) -> None:
        """Cursor up or down, or the input, where that has the keys."""
        if self._in_input and self.permission:
            self._reading.view(self.permission).move(step)
            self.paint()
        else:
            super().action_move(step)

    def action_page(self, pages: int) -> None:
        """Scroll the input."""
        if self.permission:
            self._reading.view(self.permission).page(pages)
            self.paint()

    def action_pane(self) -> None:
        """Give the keys that move to the input, or to the rows."""
        self._in_input = not self._in_input
        down, up = (self.console.keys.shown(name) for name in ("inbox.down", "inbox.up"))
        does = "scroll the input" if self._in_input else "move between the groups"
        self.console.notify(f"{down} and {up} {does}.")

    def action_leaf(self, step: int) -> None:
        """The next of the different inputs of this group, or the one before."""
        group = self.group
        if group is None or len(group.pages) < 2:
            self.console.notify("All requests of this group have the same input.")
            return
        self._leaves[group.key] = (group.pages.index(self.permission) + step) % len(group.pages)
        self.paint()

    def action_grants(self) -> None:
        """The grants in force."""
        self.console.navigation.show_grants()

    def action_keys(self) -> None:
        """Show the keys."""
        self.app.push_screen(Help(KeyScope.INBOX, self.console.keys))

    def action_act(self, name: str) -> None:
        """Answer the group under the cursor, or the marked ones."""
        if self.has_class("-tiny") or self.has_class("-flat"):
            self.console.notify("The window is too small to act; make it 60 x 16.", severity="warning")
            return
        marked = name == "marked"
        this = [self.group] if self.group is not None else []
        chosen = (self.shown.chosen if self.shown.marks else []) if marked else this
        refusal = line_answers.refusal(self.console, chosen, armed=self._press_guard.armed, marked=marked)
        if refusal:
            self.console.notify(refusal, severity="warning")
            return
        read = self._inputs_read(chosen)
        self._press_guard.show("")  # a second press must wait like the first
        if name == "edit":
            self.console.carry_out(approval_edit.edit(self.console, self.permission))
            return
        self._reading.answered_here(page for group in chosen for page in (*group.pages, *group.permissions))
        if marked:
            self.shown.unmark()
        self.console.carry_out(line_answers.answer(self.console, name, chosen, read))
        self.paint()

    def on_click(self, event: events.Click) -> None:
        """A click on a row puts the cursor there."""
        region = self.query_one("#lines").region
        index = event.screen_y - region.y - _HEAD
        if region.contains(event.screen_x, event.screen_y) and 0 <= index < self._drawn:
            self.shown.go(self._first + index)
            self.paint()

    @on(LineBlock.KeyClicked)
    async def _key_clicked(self, message: LineBlock.KeyClicked) -> None:
        message.stop()
        if run := mouse.clicked(self.console, KeyScope.INBOX, message.key, message.rested):
            await self.app.run_action(run, default_namespace=self)

    def _woken(self) -> None:
        self._waking = False
        self.paint()
