"""The Queue screen: the requests that wait and run, and the end of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from engine.events.state import RequestView
from tui.actions import Scope, bindings
from tui.feeds.base import Feed
from tui.screens import queue_lines as draw
from tui.screens.board import Board
from tui.screens.dialogs import Confirm
from tui.spans import Line

if TYPE_CHECKING:
    from tui.app import Console


class QueueScreen(Board):
    """The cursor is a request."""

    SCOPE = Scope.QUEUE
    MODE = "queue"
    CSS_PATH = "board.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.QUEUE))

    def rows(self) -> list[str]:
        """The requests, those that wait first."""
        return [view.id for view in draw.ordered(self.store.state)]

    def draw(self, width: int, height: int) -> list[Line]:
        """Figures, trend, users, the requests."""
        state, now = self.store.state, self.store.now
        lines = [*draw.head(state, now, width), *draw.trend(state, now, width, 5 if height >= 28 else 2)]
        lines += [draw.users(state, width), []]
        return lines + draw.table(draw.ordered(state), self.cursor, now, width, max(2, height - len(lines)))

    def action_open(self) -> None:
        """The transcript of the session that it runs in."""
        view = self.store.state.requests.get(self.cursor)
        if view is not None and view.session:
            self.console.open_transcript(view.session)
        elif view is not None:
            self.console.tell("It waits and is in no session yet.")

    def action_act(self, name: str) -> None:
        """Send a prompt, or end the request under the cursor."""
        if name != "cancel":
            super().action_act(name)
            return
        view = self.store.live.requests.get(self.cursor)
        if view is None:
            self.console.tell("There is no request under the cursor.")
        elif (feed := self.live_feed()) is not None:
            self.do(cancel(self.console, view, feed))


async def cancel(console: Console, view: RequestView, feed: Feed) -> str | None:
    """Ask, then end a request; the answer says that it was done."""
    where = f"runs in {view.session}" if view.session else "waits"
    facts: list[Line] = [
        [("prompt        ", "muted"), (view.prompt[:56], "")],
        [("of            ", "muted"), (view.user or "nobody", "")],
        [("it            ", "muted"), (where, "")],
        [("what happens  ", "muted"), ("its caller is told; the session stays", "")],
        [("same as       ", "muted"), (f"quarterdeck queue cancel {view.id}", "")],
    ]
    if not await console.push_screen_wait(Confirm(f"CANCEL {view.id}", facts, "cancel it", "let it go on")):
        return None
    await feed.cancel(view.id)
    return f"Cancelled {view.id}."
