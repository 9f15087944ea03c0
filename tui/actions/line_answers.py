"""What an operator answers to groups of permissions: confirm where that is due, then send it through the feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.approvals.groups import PermissionGroup
from engine.base.errors import QuarterdeckError
from engine.operations.declared.config import SHOW_SETTINGS
from engine.operations.declared.permissions import ANSWER_GROUP, AnswerGroup
from engine.operations.operation import NoArguments
from tui.render import formats
from tui.render.spans import Line, fit

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost
    from tui.feeds.base import Feed

LIVES = {"10m": 600.0, "1h": 3600.0, "8h": 28_800.0, "1d": 86_400.0, "7d": 604_800.0}
"""Lives of a grant that are offered, in seconds; the setting's is offered beside them."""
WHY = "why? The agent reads it; enter alone gives no reason"
"""What is asked for in the entry of a denial's reason."""
_SHOWN, _KEY, _WIDE = 6, 8, 64
_KINDS = {
    "allow": ("allow", "once"),
    "allow and in future": ("allow_conversation", "for their conversations"),
    "allow for longer": ("allow_profile", "for their profiles…"),
    "deny": ("deny", "and say why…"),
}


def refusal(console: ConsoleHost, groups: Sequence[PermissionGroup], *, armed: bool, marked: bool) -> str:
    """Why these cannot be answered now, or an empty string."""
    if off := console.refusal:
        return off
    if not groups:
        mark = console.keys.shown("inbox.mark")
        return f"No group is marked; {mark} marks one." if marked else "Nothing waits for an approval."
    return "" if armed or marked else "The card has only just appeared; press again."


async def answer(
    console: ConsoleHost, name: str, groups: Sequence[PermissionGroup], read: tuple[int, int] = (1, 1)
) -> None:
    """Answer them; what the engine refuses is shown with its remedy. Runs inside a worker of the console.

    `read` counts the different inputs that were read, and those that there are.
    """
    feed = console.feed
    if feed is None:
        return
    if name == "marked":
        options = [(words, text) for words, (_name, text) in _KINDS.items()]
        title = f"ANSWER {formats.plural(len(groups), 'GROUP').upper()}"
        chosen = await console.dialogs.choose(
            title, options, "deny", facts=_facts(groups), keys="enter answer · esc keep waiting"
        )
        if not chosen:
            return
        name = _KINDS[chosen][0]
    try:
        await _answer(console, feed, name, groups, read)
    except QuarterdeckError as error:
        console.notify(str(error), severity="error")


async def _answer(
    console: ConsoleHost, feed: Feed, name: str, groups: Sequence[PermissionGroup], read: tuple[int, int]
) -> None:
    message = expires = ""
    if name == "deny":
        reason = await console.dialogs.enter_text("DENY, AND SAY WHY", _facts(groups), "deny", WHY, optional=True)
        if reason is None:
            return
        message = reason
    if name == "allow_profile":
        expires = await _life(console, feed, groups)
        if not expires:
            return
    scope = {"allow_conversation": "conversation", "allow_profile": "profile"}.get(name, "once")
    allowed = name.startswith("allow")
    done, failed = 0, []
    for group in groups:
        try:
            answered = await feed.send(
                ANSWER_GROUP,
                AnswerGroup(
                    key=group.key,
                    allowed=allowed,
                    scope=scope,
                    message=message,
                    expires=expires or None,
                    contents=group.contents,
                ),
            )
            done += answered.group.answered
        except QuarterdeckError as error:
            failed.append(str(error))
    if done:
        reach = "" if scope == "once" else f", and from now on for the {scope}"
        seen = f", {read[0]} of {read[1]} inputs read" if read[1] > 1 else ""
        console.notify(f"{'Allowed' if allowed else 'Denied'} {formats.plural(done, 'request')}{reach}{seen}.")
    if failed:
        console.notify("\n".join(failed[:3]), severity="error")


async def _life(console: ConsoleHost, feed: Feed, groups: Sequence[PermissionGroup]) -> str:
    """How long a grant for the profile is to live; empty when the operator would rather not."""
    config = (await feed.send(SHOW_SETTINGS, NoArguments())).config
    usual = float(config.get("claude.grant_expiry", LIVES["8h"]))
    current = next((text for text, seconds in LIVES.items() if seconds == usual), f"{usual:g}s")
    texts = sorted({**LIVES, current: usual}.items(), key=lambda each: each[1])
    options = [(text, "as in the settings" if text == current else "") for text, _seconds in texts]
    places = sorted({(group.tenant, profile) for group in groups for profile in group.profiles})
    facts = _facts(groups)
    facts += [[("for      ", "muted"), (", ".join(f"profile {name} of {tenant}" for tenant, name in places), "")]]
    if len(groups) == 1:
        command = f"quarterdeck permissions allow-group {groups[0].key[:_KEY]} --scope profile"
        facts.append([("same as  ", "muted"), (command, "")])
    facts.append([])
    keys = "enter allow · esc keep waiting"
    return await console.dialogs.choose("ALLOW FROM NOW ON, FOR", options, current, facts=facts, keys=keys) or ""


def _facts(groups: Sequence[PermissionGroup]) -> list[Line]:
    lines: list[Line] = [
        [(fit(f"×{group.count}", 5), "muted"), (fit(group.action, _WIDE), "strong" if group.grave else "")]
        for group in groups[:_SHOWN]
    ]
    if len(groups) > _SHOWN:
        lines.append([(f"… and {formats.plural(len(groups) - _SHOWN, 'more group')}", "muted")])
    return [*lines, []]
