"""What an operator may do to the pool: confirm where that is due, then send it through the feed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from engine.base.errors import QuarterdeckError
from engine.events.state import SessionView
from engine.events.types import SessionState
from tui.actions import approval_edit
from tui.actions.for_each import FAILED_TOLD, LISTED, for_each, same_as
from tui.actions.line_answers import WHY
from tui.feeds.base import Feed
from tui.model.tables import command
from tui.render import formats
from tui.render.glyphs import STATE_GLYPHS, STATE_ROLES
from tui.render.spans import Line, fit

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost

ENDS = {
    "hibernate": "idle processes end; their conversations sleep",
    "recycle": "no new work; for_each ends with its turn",
    "stop": "interrupt, end of input, SIGTERM, at last SIGKILL",
    "kill": "SIGKILL for the whole tree; a running turn is lost",
}
"""Ways to end a session, and what happens then."""
MENU = (
    ("I", "interrupt", "interrupt  the turns end; sessions and conversations stay"),
    *((letter, verb, f"{verb:<11}{ENDS[verb]}") for letter, verb in zip("HCRK", ENDS, strict=True)),
    ("D", "drain", "drain      their profiles start no session until resumed"),
)
"""What can be done to marked sessions: letter, act, what it does."""


_ANSWERS = frozenset({"allow", "deny", "allow_conversation", "edit"})
"""Acts that answer the approval in sight."""


class SessionActions:
    """The acts of the registry, by the name that their keys give. Runs inside a worker of the console."""

    def __init__(self, console: ConsoleHost) -> None:
        self._console = console
        self._permission = ""

    @property
    def off(self) -> str:
        """Why nothing can be done at all now, or an empty string."""
        return self._console.refusal

    def refusal(self, name: str, rows: Sequence[SessionView]) -> str:
        """Why an act cannot be done now, or an empty string."""
        if self.off:
            return self.off
        if name in _ANSWERS:
            return self._permission_refusal()
        if name in {"prompt", "scale"}:
            return ""
        if not rows:
            return "There is no session under the cursor."
        if name == "claude":
            return "" if rows[0].conversation else f"{rows[0].id} holds no conversation that could be opened."
        return "" if self._alive(rows) else f"{rows[0].id} has ended; there is nothing to {name}."

    def start(self, name: str, rows: Sequence[SessionView]) -> None:
        """Do it beside the console, or show why not."""
        feed, refusal = self._console.feed, self.refusal(name, rows)
        if refusal or feed is None:
            self._console.notify(refusal, severity="warning")
        else:
            guard = self._console.press_guard
            self._permission = guard.permission  # the one that was in sight when the key was pressed
            if name in _ANSWERS:
                guard.show("")  # a second press must wait like the first
            self._console.carry_out(self.act(name, list(rows), feed))

    def choose(self, rows: Sequence[SessionView]) -> None:
        """Choose what to do to these sessions, as they are now."""
        if refusal := self.refusal("act on", rows):
            self._console.notify(refusal, severity="warning")
        else:
            self._console.carry_out(self._choose(list(rows)))

    async def _choose(self, rows: Sequence[SessionView]) -> None:
        title = formats.plural(len(rows), "session").upper()
        options = [(letter, text) for letter, _name, text in MENU]
        chosen = await self._console.dialogs.choose_letter(title, options)
        for letter, name, _text in MENU:
            if letter == chosen:
                self.start(name, rows)

    async def act(self, name: str, rows: Sequence[SessionView], feed: Feed) -> None:
        """Do it; what the engine refuses is shown with its remedy."""
        try:
            match name:
                case "prompt":
                    from tui.actions.prompting import prompt
                    from tui.model.prompt_target import of_session

                    await prompt(self._console, feed, of_session(rows[0] if rows else None))
                case "scale":
                    await self._scale(feed)
                case "claude":
                    from tui.actions.terminal_actions import open_in_claude

                    self._console.notify(await open_in_claude(self._console, rows[0].conversation, feed))
                case "interrupt":
                    await self._interrupt(self._alive(rows), feed)
                case "stop" | "kill" | "recycle" | "hibernate":
                    await self._end(name, self._alive(rows), feed)
                case "drain":
                    await self._drain(self._alive(rows), feed)
                case "edit":
                    await approval_edit.edit(self._console, self._permission)
                case "allow" | "deny" | "allow_conversation":
                    await self._answer(name, self._permission, feed)
        except QuarterdeckError as error:
            self._console.notify(str(error), severity="error")

    def _alive(self, rows: Sequence[SessionView]) -> list[SessionView]:
        return [row for row in rows if row.id in self._console.store.live.sessions]

    def _permission_refusal(self) -> str:
        guard = self._console.press_guard
        if not guard.permission:
            return "This session asks for nothing."
        return "" if guard.armed else "The card has only just appeared; press again."

    async def _scale(self, feed: Feed) -> None:
        from engine.operations.declared.pool import AUTOSCALE_POOL, SCALE_POOL, Autoscale, Scale

        pool = self._console.store.live.pool
        facts: list[Line] = []
        if pool is not None:
            facts.append([("now     ", "muted"), (f"{pool.size} sessions, {pool.active} of them busy", "")])
            facts.append([("may be  ", "muted"), (f"{pool.min_size} to {pool.max_size}", "")])
            facts.append([("target  ", "muted"), (f"{pool.target}: {pool.reason}", "")])
        facts.append([("command ", "muted"), ("quarterdeck scale N|auto", "")])
        text = await self._console.dialogs.enter_text("SCALE THE POOL", facts, "scale", "a number, or auto")
        if not text:
            return
        if text != "auto" and not text.isdecimal():
            self._console.notify(f"{text!r} is no size: a whole number, or auto.", severity="warning")
            return
        if text == "auto":
            await feed.send(AUTOSCALE_POOL, Autoscale(enabled=True))
        else:
            await feed.send(SCALE_POOL, Scale(target=int(text)))
        self._console.notify("The pool follows the load." if text == "auto" else f"The pool goes to {text} sessions.")

    async def _interrupt(self, rows: Sequence[SessionView], feed: Feed) -> None:
        from engine.operations.declared.sessions import INTERRUPT_SESSION, SessionId

        happens = "the turn ends; session and conversation stay"
        if len(rows) > 1 and not await self._confirmed("INTERRUPT", rows, "interrupt", happens, typed=False):
            return
        ended = sum([(await feed.send(INTERRUPT_SESSION, SessionId(id=row.id))).interrupted for row in rows])
        self._console.notify(f"Interrupted {formats.plural(ended, 'turn')}." if ended else "No turn was running there.")

    async def _end(self, verb: str, rows: Sequence[SessionView], feed: Feed) -> None:
        from engine.operations.declared import sessions

        if not await self._confirmed(verb.upper(), rows, verb, ENDS[verb], typed=verb == "kill" and len(rows) > 1):
            return
        too = await self._request_too(verb, rows) if verb in {"stop", "kill"} else True
        if too is None:
            return
        acts: dict[str, Callable[[str], Awaitable[object]]] = {
            "stop": lambda session: feed.send(sessions.STOP_SESSION, sessions.StopSession(id=session, request=too)),
            "kill": lambda session: feed.send(sessions.KILL_SESSION, sessions.StopSession(id=session, request=too)),
            "recycle": lambda session: feed.send(sessions.RECYCLE_SESSION, sessions.RecycleSession(id=session)),
            "hibernate": lambda session: feed.send(sessions.HIBERNATE_SESSION, sessions.SessionId(id=session)),
        }
        done, failed = await for_each(rows, lambda row: acts[verb](row.id))
        if done:
            self._console.notify(f"{verb.capitalize()}: {formats.plural(done, 'session')}.")
        if failed:
            self._console.notify("\n".join(failed[:FAILED_TOLD]), severity="error")

    async def _request_too(self, verb: str, rows: Sequence[SessionView]) -> bool | None:
        """Whether the requests that run there end too; None when nothing is to happen. Asked where any runs."""
        running = [row for row in rows if row.request]
        if not running:
            return True
        requests = formats.plural(len(running), "request")
        options = (
            ("y", f"{verb}, and cancel {requests}"),
            ("n", f"{verb}; {requests} will go on in another session"),
        )
        facts = [[(f"{row.request}  ", "strong"), (fit(row.prompt, 50), "")] for row in running[:LISTED]]
        picked = await self._console.dialogs.choose_letter("THE REQUEST TOO?", options, [*facts, []])
        return None if picked is None else picked == "y"

    async def _drain(self, rows: Sequence[SessionView], feed: Feed) -> None:
        """No session of these rows' profiles is started any more, until somebody resumes the profile."""
        from engine.operations.declared.profiles import DRAIN_PROFILE, DrainProfile

        names = sorted({row.profile for row in rows})
        live = self._console.store.live.sessions.values()
        facts: list[Line] = [
            [(fit(name, 16), "strong"), (formats.plural(sum(row.profile == name for row in live), "session"), "")]
            for name in names
        ]
        happens = "none starts; those there are end with their turns"
        facts += [[], [("what happens   ", "muted"), (happens, "")]]
        facts += [[("undo           ", "muted"), (command("profiles", "resume", names[0]), "")]]
        for name in names:
            facts += same_as(command("profiles", "drain", name), 15)
        what = f"DRAIN {formats.plural(len(names), 'PROFILE').upper()}"
        verb, keep = f"drain {len(names)}", "let them go on"
        if not await self._console.dialogs.confirm(what, facts, verb, keep):
            return
        drained = [await feed.send(DRAIN_PROFILE, DrainProfile(name=name)) for name in names]
        ended = sum(each.drained.sessions for each in drained)
        self._console.notify(f"Drained {', '.join(names)}: {formats.plural(ended, 'session')} ended.")

    async def _answer(self, name: str, permission: str, feed: Feed) -> None:
        from engine.operations.declared.permissions import ANSWER_PERMISSION, AnswerPermission

        scope = "conversation" if name == "allow_conversation" else "once"
        allowed, message = name != "deny", ""
        if not allowed:
            asked = self._console.store.state.permissions.get(permission)
            facts: list[Line] = [[(f"{asked.tool} {asked.summary}" if asked is not None else permission, "strong")], []]
            reason = await self._console.dialogs.enter_text("DENY, AND SAY WHY", facts, "deny", WHY, optional=True)
            if reason is None:
                return
            message = reason or "The operator denied this."
        answer = AnswerPermission(id=permission, allowed=allowed, scope=scope, message=message)
        await feed.send(ANSWER_PERMISSION, answer)
        reach = "" if scope == "once" else ", and from now on for the conversation"
        self._console.notify(f"Allowed{reach}." if allowed else "Denied.")

    async def _confirmed(
        self, title: str, rows: Sequence[SessionView], verb: str, happens: str, *, typed: bool
    ) -> bool:
        facts = _listed(rows)
        facts += [[], [("what happens   ", "muted"), (happens, "")]]
        facts += same_as(command("sessions", verb, *(row.id for row in rows)), 15)
        kept = sum(1 for row in rows if row.conversation)
        facts.append([("kept           ", "muted"), (f"{formats.plural(kept, 'conversation')} can be resumed", "")])
        name = f"{title} {formats.plural(len(rows), 'SESSION').upper()}"
        keep = "keep it" if len(rows) == 1 else "keep them"
        return await self._console.dialogs.confirm(name, facts, f"{verb} {len(rows)}", keep, len(rows) if typed else 0)


def _listed(rows: Sequence[SessionView]) -> list[Line]:
    lines: list[Line] = [
        [
            (f"{row.id}  ", "strong"),
            (fit(f"{STATE_GLYPHS[row.state]} {row.state.value}", 12), STATE_ROLES[row.state]),
            (f"turn {row.turns + bool(row.request)}  " if row.request else "", "muted"),
            (fit(row.activity or row.prompt or row.reason, 40), ""),
        ]
        for row in rows[:LISTED]
    ]
    if len(rows) > LISTED:
        busy = sum(1 for row in rows if row.state is SessionState.RUNNING)
        lines.append([(f"… and {len(rows) - LISTED} more; {busy} of all {len(rows)} run a turn", "muted")])
    return lines
