"""The Queue screen: the requests that wait and run, and the end of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from engine.events.state import RequestView
from engine.operations.declared.prompts import CANCEL_PROMPT, PromptId
from tui.actions.for_each import FAILED_TOLD, LISTED, for_each, same_as
from tui.actions.registry import KeyScope, bindings
from tui.feeds.base import Feed
from tui.model.tables import command
from tui.render.spans import Line, fit
from tui.screens import queue_lines as draw
from tui.screens.dialogs import Confirm
from tui.screens.list_screen import ListScreen

if TYPE_CHECKING:
    from tui.console.app import Console


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
        lines += [draw.users(state, width), []]
        return lines + draw.table(self.shown, now, width, max(2, height - len(lines)), self.console.keys)

    def action_open(self) -> None:
        """The transcript of the session that it runs in."""
        view = self.store.state.requests.get(self.cursor)
        if view is not None and view.session:
            self.console.open_transcript(view.session)
        elif view is not None:
            self.console.tell("It waits and is in no session yet.")

    def action_marked(self) -> None:
        """What can be done to the marked requests, or to this one."""
        self.menu([("X", "cancel", "cancel    their callers are told; the sessions stay")])

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
            self.console.tell("There is no request under the cursor.")
        elif (feed := self.live_feed()) is not None:
            self.do(cancel(self.console, views, feed))


async def cancel(console: Console, views: Sequence[RequestView], feed: Feed) -> str | None:
    """Ask, then end requests; the answer says that it was done."""
    number = len(views)
    facts = _facts(views)
    happens = "its caller is told; the session stays" if number == 1 else "their callers are told; the sessions stay"
    facts.append([("what happens  ", "muted"), (happens, "")])
    facts += same_as(command("queue", "cancel", *(view.id for view in views)), 14)
    title = f"CANCEL {views[0].id}" if number == 1 else f"CANCEL {number} REQUESTS"
    verb, keep = ("cancel it", "let it go on") if number == 1 else (f"cancel {number}", "let them go on")
    if not await console.push_screen_wait(Confirm(title, facts, verb, keep, number if number > 1 else 0)):
        return None
    done, failed = await for_each(views, lambda view: feed.send(CANCEL_PROMPT, PromptId(id=view.id)))
    for error in failed[:FAILED_TOLD]:
        console.tell(error, "error")
    if number == 1:
        return f"Cancelled {views[0].id}." if done else None
    return f"Cancelled {done} of {number} requests."


def _facts(views: Sequence[RequestView]) -> list[Line]:
    if len(views) == 1:
        view = views[0]
        where = f"runs in {view.session}" if view.session else "waits"
        return [
            [("prompt        ", "muted"), (fit(view.prompt, 56).rstrip(), "")],
            [("of            ", "muted"), (view.user or "nobody", "")],
            [("it            ", "muted"), (where, "")],
        ]
    running = sum(bool(view.session) for view in views)
    facts: list[Line] = [
        [(fit(view.id, 14), "strong"), (fit(view.user or "nobody", 10), "muted"), (fit(view.prompt, 44), "")]
        for view in views[:LISTED]
    ]
    if len(views) > LISTED:
        facts.append([(f"… and {len(views) - LISTED} more", "muted")])
    return [*facts, [], [("of them       ", "muted"), (f"{running} run, {len(views) - running} wait", "")]]
