"""What an operator may do to requests: confirm, then cancel them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.operations.declared.prompts import CANCEL_PROMPT, PromptId
from tui.actions.for_each import FAILED_TOLD, LISTED, for_each, same_as
from tui.model.tables import command
from tui.render.spans import Line, fit

if TYPE_CHECKING:
    from engine.events.state import RequestView
    from tui.actions.host import ConsoleHost
    from tui.feeds.base import Feed


async def cancel(console: ConsoleHost, views: Sequence[RequestView], feed: Feed) -> str | None:
    """Ask, then end requests; the answer states that it was done."""
    number = len(views)
    facts = _facts(views)
    happens = "its caller is notified; the session stays"
    if number > 1:
        happens = "their callers are notified; the sessions stay"
    facts.append([("what happens  ", "muted"), (happens, "")])
    facts += same_as(command("queue", "cancel", *(view.id for view in views)), 14)
    title = f"CANCEL {views[0].id}" if number == 1 else f"CANCEL {number} REQUESTS"
    verb, keep = ("cancel it", "let it go on") if number == 1 else (f"cancel {number}", "let them go on")
    if not await console.dialogs.confirm(title, facts, verb, keep, number if number > 1 else 0):
        return None
    done, failed = await for_each(views, lambda view: feed.send(CANCEL_PROMPT, PromptId(id=view.id)))
    for error in failed[:FAILED_TOLD]:
        console.notify(error, severity="error")
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
