"""The Conversations screen: all that was ever begun, asleep or not, to be read, gone on with, forked and put away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec
from textual.binding import BindingType
from textual.timer import Timer

from engine.base.errors import QuarterdeckError
from engine.operations.declared.conversations import LIST_CONVERSATIONS, ConversationRow, ListConversations
from engine.operations.declared.paging import LONGEST_PAGE
from tui.actions.conversation_actions import ACTS, export
from tui.actions.registry import KeyScope, bindings
from tui.feeds.base import Feed
from tui.render.spans import Line
from tui.screens import conversation_lines as draw
from tui.screens.base_screen import WIDE
from tui.screens.conversation_page import REST_S, ConversationPage
from tui.screens.list_screen import ListScreen

AGAIN_S = 2.0
"""Seconds between two readings while something happens."""
SELDOM_S = 30.0
"""Seconds between two readings otherwise: what others name, fork, archive or delete is in no event."""
_ALONE = frozenset({"go_on", "fork", "rename", "claude"})
"""Acts that are done to the conversation under the cursor alone, whatever is marked."""


class ConversationsScreen(ListScreen[ConversationRow]):
    """The cursor is a conversation; the engine is asked for the list, which is in no event."""

    SCOPE = KeyScope.CONVERSATIONS
    MODE = "conversations"
    CSS_PATH = "list_screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(KeyScope.CONVERSATIONS))

    def __init__(self) -> None:
        super().__init__(draw.CONVERSATIONS)
        self._rows: Sequence[ConversationRow] = ()
        self._total = 0
        self._archive = False
        self._problem = ""
        self._answered = False
        self._read: tuple[object, ...] | None = None
        self._read_at = 0.0
        self._page = ConversationPage()
        self._resting: Timer | None = None
        self._resting_on = ("", 0.0)

    @property
    def crumb(self) -> str:
        """Which part is shown."""
        return "archived" if self._archive else ""

    def items(self) -> Sequence[ConversationRow]:
        """What was read; in the past nothing, for no recording holds it."""
        return () if self.store.past else self._rows

    def paint_body(self) -> None:
        """What was read, and read again where something has happened since."""
        super().paint_body()
        happened, passed = self._happened(), abs(self.store.live_now - self._read_at)
        due = passed >= (AGAIN_S if happened != self._read else SELDOM_S)
        if due and not self.store.frozen and self.console.feed is not None:
            self._read, self._read_at = happened, self.store.live_now
            self.reload()

    def _happened(self) -> tuple[object, ...]:
        """Changes when a turn began or ended, a session came or went, or an operator did something."""
        state = self.store.live
        hibernated = state.pool.hibernated if state.pool is not None else 0
        totals = (state.totals.turns, state.totals.requests, hibernated)
        acts = max((line.seq for line in state.recent if line.mark == "operator"), default=0)
        return state.engine.started_at, totals, acts, tuple(state.sessions), self._archive

    def reload(self) -> None:
        """Read the list now."""
        self.run_worker(self._load(), group="conversations", exclusive=True, exit_on_error=False)

    async def _load(self) -> None:
        feed, archive = self.console.feed, self._archive
        if feed is None:
            return
        wanted = ListConversations(limit=LONGEST_PAGE, state="archived" if archive else msgspec.UNSET)
        try:
            found = await feed.send(LIST_CONVERSATIONS, wanted)
        except QuarterdeckError as error:
            self._problem, self._read = str(error), None
        else:
            self._problem = ""
            if archive == self._archive:
                self._rows, self._total, self._answered = found.conversations, found.total, True
        self.paint()

    def status_extra(self) -> Line:
        """That there are more than are listed, or why nothing could be read."""
        if self._problem:
            return [(f"   {self._problem}", "fail")]
        more = self._total - len(self._rows)
        return [(f"   {more} older: quarterdeck conversations list --q TEXT", "muted")] if more > 0 else []

    def draw(self, width: int, height: int) -> list[Line]:
        """The list, and what is known of the row under the cursor; on a wide terminal what was said last in it."""
        row = self.shown.get(self.cursor)
        if width >= WIDE - 1 and row is not None:
            self._rest(row)
            page = lambda cells, lines: self._page.lines(row, cells, lines)  # noqa: E731 - bound to this row
            return draw.beside(self.shown, self.store.live_now, width, height, self.console.keys, self._empty(), page)
        return draw.table(self.shown, self.store.live_now, width, height, self.console.keys, self._empty())

    def _rest(self, row: ConversationRow) -> None:
        """Read the row under the cursor once that rests there."""
        if self._page.wants(row) and (self._resting is None or self._resting_on != (row.id, row.used)):
            if self._resting is not None:
                self._resting.stop()
            self._resting_on = (row.id, row.used)
            self._resting = self.set_timer(REST_S, lambda: self._read_page(row))

    def _read_page(self, row: ConversationRow) -> None:
        feed = self.console.feed
        if feed is not None and not self.store.past:
            self.run_worker(self._pull_page(row, feed), group="page", exclusive=True, exit_on_error=False)

    async def _pull_page(self, row: ConversationRow, feed: Feed) -> None:
        if await self._page.read(row, feed, lambda: self.is_mounted and self.cursor == row.id):
            self.paint()

    def _empty(self) -> str:
        keys = self.console.keys
        if self.store.past:
            return f"no recording holds the list; {keys.shown('time.live')} goes back to now"
        if not self._answered:
            return self._problem or "reading …"
        if self._archive:
            return f"nothing is archived; {keys.shown('conversations.archived')} shows the others"
        return f"no conversation yet; {keys.shown('overview.prompt')} on the Overview starts one"

    def action_open(self) -> None:
        """Read it, as it goes on where a session holds it."""
        if (row := self.shown.get(self.cursor)) is not None:
            self.console.navigation.open_conversation(row)

    def action_archived(self) -> None:
        """Show what was archived, or the others again."""
        self._archive = not self._archive
        self._rows, self._total, self._answered = (), 0, False
        self.reload()
        self.paint()

    def action_write(self) -> None:
        """Export its whole text; that reads, so it may also be done where nothing may be acted on."""
        row, feed = self.shown.get(self.cursor), self.console.feed
        if row is not None and feed is not None and not self.store.past:
            self.do(export(self.console, row, feed))

    def action_marked(self) -> None:
        """What can be done to the marked conversations, or to this one."""
        word = "bring back" if self._archive else "archive   "
        self.menu(
            [
                ("A", "archive", f"{word}  their transcripts stay"),
                ("X", "delete", "delete      with their transcripts; this cannot be undone"),
            ]
        )

    def action_act(self, name: str) -> None:
        """Do it to the marked conversations, or to the one under the cursor."""
        if self.is_roomy:
            row = self.shown.row
            self.act_on(name, [row] if row is not None and name in _ALONE else self.shown.chosen)
        else:
            super().action_act(name)

    def act_on(self, name: str, rows: Sequence[ConversationRow]) -> None:
        """The same to these."""
        if not rows:
            self.console.notify("There is no conversation under the cursor.")
        elif (feed := self.live_feed()) is not None:

            async def done() -> str | None:
                try:
                    return await ACTS[name](self.console, rows, feed)
                finally:
                    self.reload()

            self.do(done())
