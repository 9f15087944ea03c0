"""The inbox of approvals: what waits, by action, answered group by group from anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on
from textual.binding import Binding, BindingType

from engine.approvals.groups import PermissionGroup, groups_of
from tui import answers, clicks
from tui.actions import Scope, bindings, in_scope
from tui.arming import Arming
from tui.screens import inbox_lines as draw
from tui.screens.dialogs import Overlay
from tui.screens.help import Help
from tui.widgets.ink import Painted

if TYPE_CHECKING:
    from tui.app import Console

_FRAME = 3
"""Lines of the box around its own: border and padding."""
_LEAST_ROWS, _MOST_ROWS = 6, 16
_REPAINT_S = 0.15


class Inbox(Overlay[str]):
    """All that waits for an answer. It is left with the session whose context is wanted, or with none.

    The cursor and the marks are keys of groups, so what comes or goes moves no answer to another group; each group
    that comes under the cursor must be in sight for 0.4 s before a key answers it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Scope.INBOX),
        Binding("exclamation_mark,q", "leave", show=False),
        Binding("question_mark", "keys", show=False),
    ]

    def __init__(self, arming: Arming) -> None:
        super().__init__("APPROVALS", [], "? keys · esc close")
        self._arming = arming
        self._groups: list[PermissionGroup] = []
        self._cursor = ""
        self._marks: set[str] = set()
        self._first = 0
        self._most = 0
        self._waking = False

    @property
    def console(self) -> Console:
        """The app, with its type."""
        return cast("Console", self.app)

    @property
    def group(self) -> PermissionGroup | None:
        """The one under the cursor."""
        return next((group for group in self._groups if group.key == self._cursor), None)

    def on_mount(self) -> None:
        """Show what waits."""
        self.paint()

    def paint(self) -> None:
        """Take what waits as it is now, and show it."""
        if not self.is_mounted or not self.query("#lines"):
            return
        self._take()
        self._arming.show(self._cursor)
        if self._cursor and not self._arming.armed and not self._waking:
            self._waking = True
            self.set_timer(_REPAINT_S, self._woken)
        box = self.query_one("#box")
        box.border_title = draw.title(self._groups)
        width = self.query_one("#lines", Painted).size.width
        if width > 0:
            now = self.console.store.now
            keys = draw.keys(
                in_scope(Scope.INBOX, actions=self.console.keys.actions), width, read_only=bool(self.console.refusal)
            )
            room = int(self.size.height * 0.9) - _FRAME - 1 - draw.CARD_LINES - 1 - len(keys)
            # It grows and never shrinks, so that an answer moves nothing.
            self._most = max(self._most, min(_MOST_ROWS, max(_LEAST_ROWS, len(self._groups))))
            most = max(1, min(self._most, room))
            table, self._first = draw.rows(self._groups, self._cursor, self._marks, now, width, most)
            card = draw.card(self.group, now, self._arming.bar, width)
            self.rewrite([draw.head(width), *table, *card, [], *keys])

    def action_move(self, step: int) -> None:
        """Another group."""
        at = self._index() + step
        self._go(at)

    def action_mark(self) -> None:
        """Mark this group, or take its mark away, and go on to the next."""
        if self._cursor:
            self._marks ^= {self._cursor}
            self._go(self._index() + 1)

    def action_unmark(self) -> None:
        """Take all marks away."""
        self._marks = set()
        self.paint()

    def action_open(self) -> None:
        """Leave for the transcript of the session that waits longest."""
        if self.group is not None:
            self.dismiss(self.group.sessions[0])

    def action_copy(self) -> None:
        """Copy the group's key."""
        self.console.copy_ids([self._cursor] if self._cursor else [])

    def action_keys(self) -> None:
        """Show the keys."""
        self.console.push_screen(Help(Scope.INBOX, self.console.keys))

    def action_act(self, name: str) -> None:
        """Answer the group under the cursor, or the marked ones."""
        if self.has_class("-tiny") or self.has_class("-flat"):
            self.console.tell("The window is too small to act; make it 60 x 16.", "warning")
            return
        marked = name == "marked"
        chosen = [group for group in self._groups if group.key in (self._marks if marked else {self._cursor})]
        refusal = answers.refusal(self.console, chosen, armed=self._arming.armed, marked=marked)
        if refusal:
            self.console.tell(refusal, "warning")
            return
        self._arming.show("")  # a second press must wait like the first
        if marked:
            self._marks = set()
        self.console.run_worker(answers.answer(self.console, name, chosen), group="acts", exit_on_error=False)
        self.paint()

    def on_click(self, event: events.Click) -> None:
        """A click on a row puts the cursor there."""
        index = event.screen_y - self.query_one("#lines").region.y - 1
        if 0 <= index < min(_MOST_ROWS, len(self._groups) - self._first):
            self._go(self._first + index)

    @on(Painted.KeyClicked)
    async def _key_clicked(self, message: Painted.KeyClicked) -> None:
        message.stop()
        await clicks.press(self.console, self, Scope.INBOX, message)

    def _woken(self) -> None:
        self._waking = False
        self.paint()

    def _take(self) -> None:
        """The groups in their order; held while marks exist. A cursor whose group is gone goes to the next one."""
        at = self._index()
        fresh = groups_of(self.console.store.state.permissions.values())
        self._marks &= {group.key for group in fresh}
        if self._marks:
            known = {group.key: index for index, group in enumerate(self._groups)}
            fresh.sort(key=lambda group: known.get(group.key, len(known)))
        self._groups = fresh
        if self.group is None:
            self._cursor = fresh[min(at, len(fresh) - 1)].key if fresh else ""

    def _index(self) -> int:
        return next((index for index, group in enumerate(self._groups) if group.key == self._cursor), 0)

    def _go(self, index: int) -> None:
        if self._groups:
            self._cursor = self._groups[max(0, min(index, len(self._groups) - 1))].key
        self.paint()
