"""What an operator may do to circuit breakers: confirm, then hold open, close, disable or trip them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.operations.declared.breakers import CONTROL_BREAKER, ControlBreaker
from tui.actions.for_each import FAILED_TOLD, LISTED, for_each, same_as
from tui.model.tables import command
from tui.render import formats
from tui.render.spans import Line, fit

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost
    from tui.feeds.base import Feed

BREAKER_ACTS = {
    "breaker_open": ("open", "no call passes until somebody closes it"),
    "breaker_close": ("close", "calls pass again, and its counts begin again"),
    "breaker_disable": ("disable", "calls pass whatever happens"),
    "breaker_trip": ("trip", "it opens as after failures, and tries again by itself"),
}
"""Act of the registry → its word at the engine, and what happens."""


async def control(console: ConsoleHost, names: Sequence[str], name: str, feed: Feed) -> str | None:
    """Ask, then do what the act `name` says to breakers; the answer states that it was done."""
    act, happens = BREAKER_ACTS[name]
    live, several = console.store.live.breakers, len(names) > 1
    if several:
        facts: list[Line] = [
            [(fit(each_name, 40), "strong"), (live.get(each_name, "unknown").replace("_", " "), "")]
            for each_name in names[:LISTED]
        ]
        facts += [[(f"… and {len(names) - LISTED} more", "muted")]] if len(names) > LISTED else []
        facts.append([])
    else:
        facts = [[("now           ", "muted"), (live.get(names[0], "unknown").replace("_", " "), "")]]
    facts.append([("what happens  ", "muted"), (happens, "")])
    facts += same_as(command("breakers", act, *names), 14)
    what = f"{len(names)} BREAKERS" if several else names[0]
    verb, keep = (f"{act} {len(names)}", "leave them") if several else (act, "leave it")
    if not await console.dialogs.confirm(f"{act.upper()} {what}", facts, verb, keep):
        return None
    done, failed = await for_each(
        names, lambda breaker: feed.send(CONTROL_BREAKER, ControlBreaker(name=breaker, act=act))
    )
    for error in failed[:FAILED_TOLD]:
        console.notify(error, severity="error")
    return f"{names[0] if not several else formats.plural(done, 'breaker')}: {act}." if done else None
