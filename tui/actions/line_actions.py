"""What the lines typed at `:` do: the same acts as by key, with the same refusals and the same questions."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from engine.base.errors import QuarterdeckError
from engine.operations.declared.config import CHECK_SETTINGS, ChangeSettings
from engine.operations.declared.permissions import ANSWER_PERMISSION, AnswerPermission
from engine.operations.declared.pool import AUTOSCALE_POOL, SCALE_POOL, Autoscale, Scale
from engine.operations.declared.prompts import SEND_PROMPT, SendPrompt
from tui.actions.breaker_actions import control
from tui.actions.command_line import ArgumentKind, LineError, Parsed, Suggestion, check, is_command, nearest
from tui.actions.request_actions import cancel
from tui.feeds.base import Feed
from tui.feeds.tuning import settings_sheet

if TYPE_CHECKING:
    from tui.actions.host import ConsoleHost, ListInSight
    from tui.model.tuning import Tuning

Callback = Callable[[], object]
"""What is left to do once the line is closed."""
_SWITCH = {"on": True, "off": False}


class LineActions:
    """Carries out what a line asks for. `tuning` holds the settings as the engine has them, once `load` was awaited."""

    def __init__(self, console: ConsoleHost) -> None:
        from tui.model.tuning import Tuning

        self._console = console
        self.tuning: Tuning = Tuning()

    async def load(self) -> None:
        """Read the settings. Raises the feed's QuarterdeckError."""
        feed = self._console.feed
        if feed is not None:
            self.tuning.load(await settings_sheet(feed))

    async def run(self, parsed: Parsed) -> Callback | None:
        """Do it, or prepare it to be done once the line is closed. Raises LineError, which the line shows."""
        if parsed.command.acts and (refusal := self._console.refusal):
            raise LineError(refusal)
        check(parsed, self.known)
        return await RUNS[parsed.command.run](self, parsed)

    def known(self, kind: ArgumentKind) -> Sequence[Suggestion]:
        """What is known of a kind now."""
        console, state = self._console, self._console.store.live
        match kind:
            case ArgumentKind.SCREEN:
                return [Suggestion(mode, note=name) for _action, name, mode in console.tabs]
            case ArgumentKind.COLUMN:
                shown = console.navigation.list_in_sight
                return shown.sortable() if shown is not None else []
            case ArgumentKind.SETTING:
                return [
                    Suggestion(f"{row.key}=", row.current, row.bounds or row.allowed, row.description)
                    for row in self.tuning.rows
                    if not row.fixed
                ]
            case ArgumentKind.SESSION:
                return [Suggestion(row.id, row.state.value, row.user, row.prompt) for row in state.sessions.values()]
            case ArgumentKind.BREAKER:
                return [Suggestion(name, how.replace("_", " ")) for name, how in state.breakers.items()]
            case ArgumentKind.REQUEST:
                return [
                    Suggestion(row.id, row.session or "waits", row.user, row.prompt) for row in state.requests.values()
                ]
            case ArgumentKind.PERMISSION:
                return [Suggestion(row.id, row.session, row.tool, row.summary) for row in state.permissions.values()]
            case ArgumentKind.THEME:
                return [Suggestion(theme.name, note=theme.title) for theme in console.theming.themes.values()]
            case ArgumentKind.SIZE:
                pool = state.pool
                bounds = f"{pool.min_size}–{pool.max_size}" if pool is not None else ""
                now = str(pool.size) if pool is not None else ""
                return [
                    Suggestion("auto", now, bounds, "follow the load"),
                    Suggestion("off", now, bounds, "stay at this size"),
                ]
            case ArgumentKind.SWITCH:
                return [Suggestion("on", note="follow the load"), Suggestion("off", note="stay at this size")]
            case _:
                return []

    async def go(self, parsed: Parsed) -> Callback:
        """To a screen, by its mode, its name or its key."""
        wanted, console = parsed.words[0].lower(), self._console
        for action, name, mode in console.tabs:
            if wanted in {mode, name.lower(), console.keys.shown(action).lower()}:
                return lambda: console.navigation.go(mode)
        known = [mode for _action, _name, mode in console.tabs]
        raise LineError(f"There is no screen {wanted[:40]!r}{nearest(wanted, known)}. There is {', '.join(known)}.")

    @property
    def screens(self) -> frozenset[str]:
        """The screens, by the names that a line may consist of."""
        return frozenset(word for _action, name, mode in self._console.tabs for word in (mode, name.lower()))

    async def filter(self, parsed: Parsed) -> Callback:
        """Filter the list in sight."""
        shown, text = self._list, parsed.words[0] if parsed.words else ""
        if problem := shown.filter_problem(text):
            raise LineError(problem)
        return lambda: shown.set_filter(text)

    async def sort(self, parsed: Parsed) -> Callback:
        """Sort it."""
        shown = self._list
        return lambda: shown.sort_by(parsed.words[0])

    @property
    def _list(self) -> ListInSight:
        if (shown := self._console.navigation.list_in_sight) is None:
            raise LineError("There is no list here.")
        return shown

    async def at(self, parsed: Parsed) -> None:
        """Show a moment."""
        if problem := self._console.time_travel.go_to_text(parsed.words[0]):
            raise LineError(problem)

    async def live(self, _parsed: Parsed) -> None:
        """From the past to now."""
        if not self._console.store.past:
            raise LineError("This is now." if not self._console.time_travel.travelling else "A recording has no now.")
        self._console.time_travel.live()

    async def note(self, parsed: Parsed) -> None:
        """Note something of a moment of a recording."""
        if problem := self._console.time_travel.note(parsed.words[0]):
            raise LineError(problem)

    async def theme(self, parsed: Parsed) -> None:
        """Choose a theme."""
        self._console.theming.set_theme(parsed.words[0])

    async def prompt(self, parsed: Parsed) -> None:
        """Start a conversation."""
        prompt = SendPrompt(prompt=parsed.words[0], wait=False)
        sent = await self._shown(self._feed.send(SEND_PROMPT, prompt))
        self._console.notify(f"Sent as request {sent.prompt.request}.")

    async def scale(self, parsed: Parsed) -> None:
        """Set the pool's size, or whether it follows the load."""
        size = parsed.words[0]
        if size in {"auto", "off"}:
            await self._follow_load(size == "auto")
        elif not size.isdecimal():
            raise LineError(f"{size!r} is no size: a whole number, auto or off.")
        else:
            await self._shown(self._feed.send(SCALE_POOL, Scale(target=int(size))))
            self._console.notify(f"The pool goes to {int(size)} sessions.")

    async def autoscale(self, parsed: Parsed) -> None:
        """Follow the load, or stay."""
        await self._follow_load(_SWITCH[parsed.words[0]])

    async def _follow_load(self, on: bool) -> None:
        await self._shown(self._feed.send(AUTOSCALE_POOL, Autoscale(enabled=on)))
        self._console.notify("The pool follows the load." if on else "The pool stays at its size.")

    async def tune(self, parsed: Parsed) -> Callback:
        """Everything that Tuning would refuse is refused here; what is left is staged and applied there."""
        await self._shown(self.load())
        panel = self.tuning
        panel.staged.clear()
        texts = dict(self._pair(word) for word in parsed.words)
        for key, text in texts.items():
            panel.stage(key, text)
        if not panel.staged:
            raise LineError("Nothing would change: every value is in force already.")
        problems = [problem for key in panel.staged if (problem := panel.problem_of(key))]
        if problems:
            raise LineError(problems[0])
        try:
            await self._feed.send(CHECK_SETTINGS, ChangeSettings(changes=dict(panel.proposal())))
        except yaml.YAMLError:
            raise LineError("This is no value.") from None
        except QuarterdeckError as error:
            raise LineError(error.message) from error
        return lambda: self._console.navigation.stage(texts, apply=True)

    def _pair(self, word: str) -> tuple[str, str]:
        key, equals, text = word.partition("=")
        if not equals:
            raise LineError(f"{word!r} is not KEY=VALUE, such as session_pool.max_size=20.")
        row = self.tuning.row(key)
        if row is None:
            raise LineError(f"{key}: no such setting{nearest(key, [each.key for each in self.tuning.rows])}.")
        if row.fixed:
            raise LineError(f"{key} needs a restart of the engine: set it in the file.")
        return key, text

    async def untune(self, _parsed: Parsed) -> Callback:
        """Ask to take the last change of settings back."""
        return self._console.navigation.undo_settings

    async def sessions(self, parsed: Parsed) -> Callback:
        """Interrupt, stop, kill or recycle sessions, as by key."""
        name = parsed.command.argument
        rows = [self._console.store.live.sessions[word] for word in dict.fromkeys(parsed.words)]
        if refusal := self._console.session_actions.refusal(name, rows):
            raise LineError(refusal)
        return lambda: self._console.session_actions.start(name, rows)

    async def breaker(self, parsed: Parsed) -> Callback:
        """Move breakers by hand, as by key."""
        names, known = list(dict.fromkeys(parsed.words)), [choice.text for choice in self.known(ArgumentKind.BREAKER)]
        for name in names:
            if name not in known and ":" not in name:  # one that never changed is not in the state
                raise LineError(f"There is no breaker {name!r}{nearest(name, known)}; they are written kind:name.")
        feed = self._feed
        act = f"breaker_{parsed.command.argument}"
        return lambda: self._console.carry_out(control(self._console, names, act, feed))

    async def cancel(self, parsed: Parsed) -> Callback:
        """End requests, as by key."""
        views = [self._console.store.live.requests[word] for word in dict.fromkeys(parsed.words)]
        feed = self._feed
        return lambda: self._console.carry_out(cancel(self._console, views, feed))

    async def answer(self, parsed: Parsed) -> None:
        """Answer a permission."""
        allowed = parsed.command.argument == "allow"
        message = "" if allowed else "The operator denied this."
        answer = AnswerPermission(id=parsed.words[0], allowed=allowed, message=message)
        await self._shown(self._feed.send(ANSWER_PERMISSION, answer))
        self._console.notify("Allowed." if allowed else "Denied.")

    async def operation(self, parsed: Parsed) -> Callback:
        """Execute an operation that has no command of its own here, once it is confirmed."""
        from engine.operations.registry import REGISTRY
        from tui.actions.operation_calls import call
        from tui.actions.operation_lines import arguments

        operation, feed = REGISTRY[parsed.command.argument], self._feed
        if operation.id == "conversations.open":
            from tui.actions.terminal_actions import open_in_claude

            conversation = parsed.words[0]
            return lambda: self._console.carry_out(open_in_claude(self._console, conversation, feed))
        args = arguments(operation, parsed.words)
        return lambda: self._console.carry_out(call(self._console, operation, args, feed))

    async def help(self, parsed: Parsed) -> Callback:
        """Show the commands."""
        wanted = parsed.words[0] if parsed.words else ""
        if wanted and not is_command(wanted):
            raise LineError(f"There is no command {wanted[:40]!r}.")
        return lambda: self._console.navigation.show_commands(wanted)

    async def grants(self, _parsed: Parsed) -> Callback:
        """The grants in force."""
        return self._console.navigation.show_grants

    async def alerts(self, _parsed: Parsed) -> Callback:
        """The alerts that fire."""
        return self._console.navigation.show_alerts

    async def leave(self, _parsed: Parsed) -> Callback:
        """Leave the console, as by key."""
        return self._console.action_leave

    @property
    def _feed(self) -> Feed:
        if (feed := self._console.feed) is None:
            raise LineError("No engine to act on.")
        return feed

    async def _shown(self, work: Coroutine[Any, Any, Any]) -> Any:
        """What the engine answers; its refusal is the line's."""
        try:
            return await work
        except QuarterdeckError as error:
            raise LineError(str(error)) from error


RUNS: Mapping[str, Callable[[LineActions, Parsed], Coroutine[Any, Any, Callback | None]]] = {
    "go": LineActions.go,
    "filter": LineActions.filter,
    "sort": LineActions.sort,
    "at": LineActions.at,
    "live": LineActions.live,
    "note": LineActions.note,
    "theme": LineActions.theme,
    "prompt": LineActions.prompt,
    "scale": LineActions.scale,
    "autoscale": LineActions.autoscale,
    "tune": LineActions.tune,
    "untune": LineActions.untune,
    "sessions": LineActions.sessions,
    "breaker": LineActions.breaker,
    "cancel": LineActions.cancel,
    "answer": LineActions.answer,
    "operation": LineActions.operation,
    "help": LineActions.help,
    "leave": LineActions.leave,
    "grants": LineActions.grants,
    "alerts": LineActions.alerts,
}
"""What carries each command out, by its `run`."""
