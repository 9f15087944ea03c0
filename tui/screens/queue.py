"""The Queue screen: the requests that wait and run, and the end of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType

from engine.events.state import RequestView
from tui.actions.registry import KeyScope, bindings
from tui.actions.request_actions import cancel
from tui.render.spans import Line
from tui.screens import queue_lines as draw
from tui.screens.list_screen import ListScreen


class QueueScreen(ListScreen[RequestView]):
    """The cursor is a request."""

    SCOPE = KeyScope.QUEUE
    MODE = "queue"
    CSS_PATH = "list_screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(KeyScope.QUEUE))

    def __init__(self) -> None:
        super().__init__(draw.QUEUE)

    def items(self) -> Sequence[RequestView]:
        """The requests."""
        return list(self.store.state.requests.values())

    def draw(self, width: int, height: int) -> list[Line]:
        """Figures, trend, users, the requests."""
        state, now = self.store.state, self.store.now
        lines = [*draw.head(state, now, width), *draw.trend(state, now, width, 5 if height >= 28 else 2)]
        lines += draw.lanes(state, width, whole=height >= 28)
        lines += [*draw.limits(state, now, width), draw.users(state, width), []]
        return lines + draw.table(self.shown, now, width, max(2, height - len(lines)), self.console.keys)

    def action_open(self) -> None:
        """The transcript of the session that it runs in."""
        view = self.store.state.requests.get(self.cursor)
        if view is not None and view.session:
            self.console.navigation.open_transcript(view.session)
        elif view is not None:
            self.console.notify("It waits and is in no session yet.")

    def action_marked(self) -> None:
        """What can be done to the marked requests, or to this one."""
        self.menu([("X", "cancel", "cancel    their callers are notified; the sessions stay")])

    def action_act(self, name: str) -> None:
        """Send a prompt, or end the marked requests, or the one under the cursor."""
        if name == "cancel" and self.is_roomy:
            self.act_on(name, self.shown.chosen)
        else:
            super().action_act(name)

    def act_on(self, name: str, rows: Sequence[RequestView]) -> None:  # noqa: ARG002 - there is one act
        """End these requests, those of them that are still on their way."""
        views = [view for row in rows if (view := self.store.live.requests.get(row.id)) is not None]
        if not views:
            self.console.notify("There is no request under the cursor.")
        elif (feed := self.live_feed()) is not None:
            self.do(cancel(self.console, views, feed))
