"""What an operator may do to the pool: ask first where that is due, then tell the feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.errors import QuarterdeckError
from engine.events.state import SessionView
from engine.events.types import SessionState
from tui import formats
from tui.feeds.base import Feed
from tui.glyphs import STATE_GLYPHS, STATE_ROLES
from tui.screens.dialogs import Confirm, Entry
from tui.spans import Line, fit

if TYPE_CHECKING:
    from tui.app import Console

_ENDS = {
    "kill": "SIGKILL for the whole tree; a running turn is lost",
    "stop": "interrupt, end of input, SIGTERM, at last SIGKILL",
    "recycle": "no new work; it ends with its turn, a minute from now at the latest",
}
ROWS_SHOWN = 8
"""Sessions listed in a dialog; more are counted."""


class Intents:
    """The acts of the registry, by the name that their keys give. Runs inside a worker of the console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @property
    def off(self) -> str:
        """Why nothing can be done at all now, or an empty string."""
        return self._console.refusal

    def refusal(self, name: str, rows: Sequence[SessionView]) -> str:
        """Why an act cannot be done now, or an empty string."""
        if self.off:
            return self.off
        if name in {"allow", "deny", "allow_conversation"}:
            return self._permission_refusal()
        if name in {"prompt", "scale"}:
            return ""
        if not rows:
            return "There is no session under the cursor."
        return "" if self._alive(rows) else f"{rows[0].id} has ended; there is nothing to {name}."

    async def act(self, name: str, rows: Sequence[SessionView], feed: Feed) -> None:
        """Do it; what the engine refuses is told with its remedy."""
        try:
            match name:
                case "prompt":
                    await self._prompt(rows[0] if rows else None, feed)
                case "scale":
                    await self._scale(feed)
                case "interrupt":
                    await self._interrupt(self._alive(rows), feed)
                case "stop" | "kill" | "recycle":
                    await self._end(self._alive(rows), feed, name)
                case "allow" | "deny" | "allow_conversation":
                    await self._answer(name, feed)
        except QuarterdeckError as error:
            self._console.tell(str(error), "error")

    def _alive(self, rows: Sequence[SessionView]) -> list[SessionView]:
        return [row for row in rows if row.id in self._console.store.live.sessions]

    def _permission_refusal(self) -> str:
        arming = self._console.arming
        if not arming.permission:
            return "This session asks for nothing."
        return "" if arming.armed else "The card has only just appeared; press again."

    async def _prompt(self, row: SessionView | None, feed: Feed) -> None:
        conversation = row.conversation if row is not None else ""
        profile = row.profile if row is not None else "default"
        where = f"conversation {conversation[:8]} of {row.id}" if row is not None and conversation else ""
        facts: list[Line] = [[("to      ", "muted"), (where or "a new conversation", "")]]
        facts.append([("profile ", "muted"), (profile, "")])
        text = await self._console.push_screen_wait(Entry("SEND A PROMPT", facts, "send", "what should Claude do?"))
        if text:
            request = await feed.prompt(text, conversation=conversation, profile=profile)
            self._console.tell(f"Sent as request {request}.")

    async def _scale(self, feed: Feed) -> None:
        pool = self._console.store.live.pool
        facts: list[Line] = []
        if pool is not None:
            facts.append([("now     ", "muted"), (f"{pool.size} sessions, {pool.active} of them busy", "")])
            facts.append([("may be  ", "muted"), (f"{pool.min_size} to {pool.max_size}", "")])
            facts.append([("target  ", "muted"), (f"{pool.target}: {pool.reason}", "")])
        facts.append([("command ", "muted"), ("quarterdeck scale N|auto", "")])
        text = await self._console.push_screen_wait(Entry("SCALE THE POOL", facts, "scale", "a number, or auto"))
        if not text:
            return
        if text != "auto" and not text.isdecimal():
            self._console.tell(f"{text!r} is no size: a whole number, or auto.", "warning")
            return
        await feed.scale(None if text == "auto" else int(text))
        self._console.tell("The pool follows the load." if text == "auto" else f"The pool goes to {text} sessions.")

    async def _interrupt(self, rows: Sequence[SessionView], feed: Feed) -> None:
        happens = "the turn ends; session and conversation stay"
        if len(rows) > 1 and not await self._confirmed("INTERRUPT", rows, "interrupt", happens, typed=False):
            return
        ended = sum([await feed.interrupt(row.id) for row in rows])
        self._console.tell(f"Interrupted {formats.plural(ended, 'turn')}." if ended else "No turn was running there.")

    async def _end(self, rows: Sequence[SessionView], feed: Feed, verb: str) -> None:
        typed = verb == "kill" and len(rows) > 1
        if not await self._confirmed(verb.upper(), rows, verb, _ENDS[verb], typed=typed):
            return
        done, failed = 0, []
        for row in rows:
            try:
                await (feed.recycle(row.id) if verb == "recycle" else feed.stop(row.id, kill=verb == "kill"))
                done += 1
            except QuarterdeckError as error:
                failed.append(str(error))
        if done:
            self._console.tell(f"{verb.capitalize()}: {formats.plural(done, 'session')}.")
        if failed:
            self._console.tell("\n".join(failed[:3]), "error")

    async def _answer(self, name: str, feed: Feed) -> None:
        permission = self._console.arming.permission
        scope = "conversation" if name == "allow_conversation" else "once"
        allowed = name != "deny"
        message = "" if allowed else "The operator denied this."
        await feed.answer(permission, allowed=allowed, scope=scope, message=message)
        self._console.tell("Allowed." if allowed else "Denied.")

    async def _confirmed(
        self, title: str, rows: Sequence[SessionView], verb: str, happens: str, *, typed: bool
    ) -> bool:
        facts = _listed(rows)
        facts += [[], [("what happens   ", "muted"), (happens, "")]]
        kept = sum(1 for row in rows if row.conversation)
        facts.append([("kept           ", "muted"), (f"{formats.plural(kept, 'conversation')} can be resumed", "")])
        name = f"{title} {formats.plural(len(rows), 'SESSION').upper()}"
        keep = "keep it" if len(rows) == 1 else "keep them"
        dialog = Confirm(name, facts, f"{verb} {len(rows)}", keep, len(rows) if typed else 0)
        answer = await self._console.push_screen_wait(dialog)
        return bool(answer)


def _listed(rows: Sequence[SessionView]) -> list[Line]:
    lines: list[Line] = [
        [
            (f"{row.id}  ", "strong"),
            (fit(f"{STATE_GLYPHS[row.state]} {row.state.value}", 12), STATE_ROLES[row.state]),
            (f"turn {row.turns + bool(row.request)}  " if row.request else "", "muted"),
            (fit(row.activity or row.prompt or row.reason, 40), ""),
        ]
        for row in rows[:ROWS_SHOWN]
    ]
    if len(rows) > ROWS_SHOWN:
        busy = sum(1 for row in rows if row.state is SessionState.RUNNING)
        lines.append([(f"… and {len(rows) - ROWS_SHOWN} more; {busy} of all {len(rows)} run a turn", "muted")])
    return lines
