"""The console: paints first, then finds its feed; one timer takes facts in and paints them."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from textual.binding import BindingType
from textual.screen import Screen

from engine.base.clock import Clock, SystemClock
from engine.base.errors import QuarterdeckError
from engine.events.state import SessionView
from engine.events.types import EventEnvelope, SettingsChanged
from engine.settings.paths import state_directory
from tui.actions.command_history import CommandHistory
from tui.actions.keymap import Keymap
from tui.actions.press_guard import ApprovalCard, PressGuard
from tui.actions.registry import KeyScope, bindings
from tui.actions.session_actions import MENU, SessionActions
from tui.console import gc_pause
from tui.console.appearance import SETTINGS
from tui.console.connection import Connect, Connection
from tui.console.plugin_console import PluginConsole
from tui.feeds.base import Feed
from tui.model import health, totals
from tui.model.health import HealthSummary, verdict
from tui.model.link import FeedBatch, LinkState
from tui.model.store import Store
from tui.render import formats
from tui.render.glyphs import GlyphSetting
from tui.render.themes import AUTO
from tui.screens.base_screen import BaseScreen
from tui.screens.dialogs import AppDialogs, Chooser, Confirm, Menu, Overlay, leaving_facts
from tui.screens.help import Help
from tui.screens.overview import OverviewScreen
from tui.screens.transcript import TranscriptScreen

if TYPE_CHECKING:
    from textual.command import Provider

    from tui.actions.line_actions import Callback as LineCallback
    from tui.model.columns import Column
    from tui.screens.tuning import TuningScreen

WIDTHS = [(0, "-tiny"), (60, "-narrow"), (100, "-normal"), (116, "-roomy"), (160, "-wide")]
"""Class that every screen has from this many columns on."""
HEIGHTS = [(0, "-flat"), (16, "-short"), (30, "-tall")]
"""Class that every screen has from this many lines on."""
HISTORY_FILE = "commands.history"
"""The lines typed at `:`, in the state directory."""


def _commands() -> type[Provider]:
    """The palette costs 40 ms to import, so the first frame does without it."""
    from tui.screens.palette import RegistryCommands

    return RegistryCommands


def _later(module: str, name: str) -> Callable[[], Screen[Any]]:
    """A screen that is loaded when it is first opened."""

    def made() -> Screen[Any]:
        found: type[Screen[Any]] = getattr(import_module(f"tui.screens.{module}"), name)
        return found()

    return made


class Console(PluginConsole):
    """The operations console over one feed.

    `feed` is used as it is; else `connect` is awaited after the first paint. `owns_engine` says that leaving
    drains the engine, so leaving asks first. `read_only` from the start cannot be lifted. `keys` are the operator's
    own from keys.toml unless given.
    """

    TITLE = "Quarterdeck"
    CSS_PATH = "console.tcss"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_commands}
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "overview": OverviewScreen,
        "sessions": _later("sessions", "SessionsScreen"),
        "errors": _later("errors", "ErrorsScreen"),
        "recovery": _later("recovery", "RecoveryScreen"),
        "queue": _later("queue", "QueueScreen"),
        "tuning": _later("tuning", "TuningScreen"),
    }
    DEFAULT_MODE = "overview"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(KeyScope.APP))
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(
        self,
        feed: Feed | None = None,
        *,
        connect: Connect | None = None,
        theme: str = AUTO,
        refresh_hz: float = 2.0,
        glyphs: GlyphSetting = "auto",
        read_only: bool = False,
        owns_engine: bool = False,
        title: str = "",
        clock: Clock | None = None,
        keys: Keymap | None = None,
    ) -> None:
        super().__init__(theme, refresh_hz, glyphs, title, keys)
        clock = clock if clock is not None else SystemClock()
        self.clock = clock
        self.store = Store(clock)
        self.press_guard = PressGuard(clock)
        self._clock = clock
        self.dialogs = AppDialogs(self)
        self._connection = Connection(feed, connect, clock)
        self._session_actions = SessionActions(self)
        self._locked = read_only
        self._read_only = read_only
        self.owns_engine = owns_engine
        self._last_mode = "sessions"
        self.typed = CommandHistory()
        self.state_dir: Path | None = None
        """Where what is typed at `:` is kept, once the settings are known."""
        self.exports = state_directory(os.environ) / "exports"

    @property
    def feed(self) -> Feed | None:
        """The feed, once there is one."""
        return self._connection.feed

    @property
    def is_read_only(self) -> bool:
        """Whether acts are off."""
        return self._read_only

    @property
    def rate(self) -> str:
        """The refresh rate and the time, for line 1."""
        glyph = "‖" if self.store.frozen else "◀" if self.store.past else "●"
        return f"{glyph}{self._look.refresh_hz:g}Hz {formats.clock(self.store.now)}"

    @property
    def verdict(self) -> HealthSummary:
        """The one health sentence."""
        store = self.store
        view = health.View(
            now=store.live_now,
            age=store.age,
            has_data=store.has_data,
            read_only=self._read_only,
            frozen_at=store.held_at if store.frozen else 0.0,
            past_at=store.held_at if store.past else 0.0,
            meanwhile=totals.counts(store.state, store.live) if store.frozen else (),
            unreadable=store.unreadable,
            can_retry=self._connection.waits,
            keys=self.keys,
        )
        return verdict(store.live, store.status, view)

    def on_mount(self) -> None:
        """Take what the feed has shown so far; whatever else a start takes comes after the first frame."""
        self.store.apply(FeedBatch(None, []), self._connection.status)
        self.call_after_refresh(self._go_on)

    def _go_on(self) -> None:
        """The first frame is painted; now find the feed."""
        gc_pause.awake()
        self.run_worker(self._connection.join(), group="connect")

    def lock_read_only(self) -> None:
        """Turn acts off for good: the engine itself refuses them."""
        self._locked = self._read_only = True

    async def on_unmount(self) -> None:
        """Whatever ended the console, its feed is closed."""
        await self._connection.aclose()

    def tick(self) -> None:
        """Take in what the feed brought, then paint: the only place where facts reach the screens."""
        feed = self._connection.feed
        batch = FeedBatch(None, [])
        try:
            if feed is not None:
                batch = feed.poll()
        except (QuarterdeckError, OSError, ValueError, msgspec.MsgspecError):
            self.store.unreadable += 1
        self.store.apply(batch, self._connection.status)
        if self.store.status.link is LinkState.LIVE:
            self._follow_settings(batch.events)
        self.follow_themes()
        self.paint()

    def paint(self) -> None:
        """Paint the screen that is in sight; what lies below it is painted when it comes back."""
        lost = self.store.status.link is LinkState.LOST and self.store.has_data
        for screen in reversed(self.screen_stack):
            screen.set_class(lost, "-stale")
            if isinstance(screen, Overlay):
                screen.paint()
            if isinstance(screen, BaseScreen):
                screen.paint()
                return

    def act_refusal(self, name: str, rows: Sequence[SessionView]) -> str:
        """Why the act `name` cannot be done to these sessions now, or an empty string."""
        return self._session_actions.refusal(name, rows)

    def act(self, name: str, rows: Sequence[SessionView]) -> None:
        """Do what a key asks for to these sessions, or say why not."""
        feed, refusal = self._connection.feed, self._session_actions.refusal(name, rows)
        if refusal or feed is None:
            self.tell(refusal, "warning")
            return
        self.run_worker(self._session_actions.act(name, list(rows), feed), group="acts", exit_on_error=False)

    def choose_act(self, rows: Sequence[SessionView]) -> None:
        """Choose what to do to these sessions, as they are now."""
        if refusal := self._session_actions.refusal("act on", rows):
            self.tell(refusal, "warning")
            return

        def taken(letter: str | None) -> None:
            for key, name, _text in MENU:
                if key == letter:
                    self.act(name, rows)

        title = formats.plural(len(rows), "session").upper()
        self.push_screen(Menu(title, [(letter, text) for letter, _name, text in MENU]), taken)

    def card(self, session: str) -> ApprovalCard | None:
        """The approval that a session waits for, now in sight; from here on its keys arm."""
        waiting = self.store.state.permissions.values()
        asked = next((p for p in waiting if p.session == session), None)
        self.press_guard.show(asked.id if asked is not None else "")
        if asked is None:
            return None
        if not self.press_guard.armed:
            self.set_timer(0.15, self.paint)
        alike = sum(1 for p in waiting if asked.group and p.group == asked.group)
        return ApprovalCard(asked, self.press_guard.bar, alike)

    def open_transcript(self, session: str) -> None:
        """Show a session's transcript over the present screen."""
        if not isinstance(self.screen, TranscriptScreen):
            self.push_screen(TranscriptScreen(session))

    def show_sessions(self, filter_text: str) -> None:
        """Go to Sessions with this filter."""
        from tui.screens.sessions import SessionsScreen

        self.action_go("sessions")
        if isinstance(self.screen, SessionsScreen):
            self.screen.set_filter(filter_text)

    @property
    def list_in_sight(self) -> BaseScreen | None:
        """The screen in sight, below what lies over it."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, BaseScreen)), None)

    def carry_out(self, work: Coroutine[Any, Any, str | None]) -> None:
        """Carry an act out; its answer is shown, and so is what the engine refuses."""

        async def carried_out() -> None:
            try:
                told = await work
            except QuarterdeckError as error:
                self.tell(str(error), "error")
            else:
                if told:
                    self.tell(told)

        self.run_worker(carried_out(), group="acts", exit_on_error=False)

    def stage(self, texts: Mapping[str, str], *, apply: bool = False) -> None:
        """Go to Tuning with these values staged, key → text; with `apply` go on as A does there."""
        self.action_go("tuning")
        self.call_after_refresh(self._on_tuning, lambda screen: screen.stage(texts, apply=apply))

    def unstage(self) -> None:
        """Go to Tuning and ask to take the last change back."""
        self.action_go("tuning")
        self.call_after_refresh(self._on_tuning, lambda screen: screen.undo_last())

    def _on_tuning(self, do: Callable[[TuningScreen], None]) -> None:
        from tui.screens.tuning import TuningScreen

        if isinstance(self.screen, TuningScreen):
            do(self.screen)

    def show_commands(self, wanted: str) -> None:
        """Show the commands of the command line whose name begins with `wanted`."""
        from tui.screens.command import CommandHelp

        self.push_screen(CommandHelp(wanted))

    def choose_sort(self, current: str, take: Callable[[str], None], columns: Iterable[Column[Any]]) -> None:
        """Ask for the column to sort by."""

        def taken(key: str | None) -> None:
            if key:
                take(key)

        options = [(column.key, "largest first" if column.most_first else "in order") for column in columns]
        self.push_screen(Chooser("SORT BY", options, current), taken)

    def action_go(self, mode: str) -> None:
        """Go to a screen; what lay over it is closed."""
        while len(self.screen_stack) > 1 and isinstance(self.screen, TranscriptScreen):
            self.pop_screen()
        if mode != self.current_mode:
            self._last_mode = self.current_mode
            self.switch_mode(mode)

    def action_last_screen(self) -> None:
        """Go back to the screen before this one."""
        self.action_go(self._last_mode)

    def action_read_only(self) -> None:
        """Turn acts off or on."""
        if self._locked:
            self.tell("Started with --read-only; that cannot be lifted here.", "warning")
            return
        self._read_only = not self._read_only
        self.paint()

    def action_reconnect(self) -> None:
        """Try to connect again now."""
        if self._connection.waits:
            self._connection.retry_now()

    def action_review(self) -> None:
        """Open the inbox of approvals."""
        from tui.screens.inbox import Inbox

        if self.store.state.permissions:
            self.push_screen(Inbox(PressGuard(self._clock)), self._show_context)
        else:
            self.tell("Nothing waits for an approval.")

    def action_help(self) -> None:
        """Show the keys."""
        screen = self.screen
        self.push_screen(Help(screen.SCOPE if isinstance(screen, BaseScreen) else KeyScope.APP, self.keys))

    def action_command_line(self, line: str = "") -> None:
        """Type a command."""
        from tui.actions.line_actions import LineActions
        from tui.screens.command import CommandScreen

        if self.state_dir is not None:
            self.typed.keep_in(self.state_dir / HISTORY_FILE)

        def done(doing: LineCallback | None) -> None:
            if doing is not None:
                self.call_after_refresh(doing)

        if not isinstance(self.screen, CommandScreen):
            self.push_screen(CommandScreen(LineActions(self), line), done)

    async def action_quit(self) -> None:
        """Textual's own way out is ours."""
        self.action_leave()

    def action_command_palette(self) -> None:
        """Show all commands, to search."""
        from tui.screens.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def action_leave(self) -> None:
        """Leave the console; with an engine of its own, ask first."""
        if not self.owns_engine or not self.store.has_data or self.store.live.engine.phase == "stopped":
            self.exit()
            return
        if not isinstance(self.screen, Confirm):
            self.push_screen(Confirm("LEAVE", leaving_facts(self.store.live), "drain and leave", "stay"), self._left)

    async def leave(self, reason: str) -> None:
        """Close the feed and exit without a question, saying why."""
        await self._connection.aclose()
        self.exit(message=reason or None)

    def _show_context(self, session: str | None) -> None:
        """The transcript behind a request of the inbox, in place of one that lay below it."""
        if session:
            if isinstance(self.screen, TranscriptScreen):
                self.pop_screen()
            self.push_screen(TranscriptScreen(session))

    def _left(self, yes: bool | None) -> None:
        if yes:
            self.exit()

    def _follow_settings(self, events: Sequence[EventEnvelope]) -> None:
        for event in (stamped.event for stamped in events):
            if isinstance(event, SettingsChanged):
                said = {name: event.changes.get(f"console.{name}", (None, None))[1] for name in SETTINGS}
                if any(value is not None for value in said.values()):
                    self.dress(**said)
