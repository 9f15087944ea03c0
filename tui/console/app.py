"""The console: paints first, then finds its feed; one timer takes facts in and paints them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from textual._compositor import ChopsUpdate
from textual.binding import BindingType
from textual.screen import Screen

from engine.base.clock import Clock, SystemClock
from engine.base.errors import QuarterdeckError
from engine.events.types import EventEnvelope, SettingsChanged
from engine.settings.paths import config_directory, state_directory
from tui.actions.command_history import CommandHistory
from tui.actions.keymap import Keymap
from tui.actions.press_guard import ApprovalCard, PressGuard
from tui.actions.registry import KeyScope, bindings
from tui.actions.session_actions import SessionActions
from tui.console import approval_notices, gc_pause
from tui.console.appearance import SETTINGS, Appearance
from tui.console.approval_notices import ApprovalNotices
from tui.console.connection import Connect, Connection
from tui.console.navigation import Navigation
from tui.console.part_actions import PartActions
from tui.console.screen_directory import ScreenDirectory, later
from tui.console.terminal_use import TerminalUse
from tui.console.theming import Theming
from tui.console.time_travel import TimeTravel
from tui.console.typed_ahead import TypedAhead
from tui.feeds.base import Feed
from tui.model import health, totals
from tui.model.health import HealthSummary, verdict
from tui.model.link import FeedBatch, LinkState
from tui.model.own_cost import OwnCost
from tui.model.store import Store
from tui.render import formats
from tui.render.glyphs import GlyphSetting
from tui.render.themes import AUTO
from tui.screens.base_screen import BaseScreen
from tui.screens.console_dialogs import ConsoleDialogs
from tui.screens.dialogs import Confirm, Leaving, Overlay
from tui.screens.header import Tab
from tui.screens.overview import OverviewScreen

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.driver import Driver
    from textual.notifications import SeverityLevel


WIDTHS = [(0, "-tiny"), (60, "-narrow"), (100, "-normal"), (116, "-roomy"), (160, "-wide")]
"""Class that every screen has from this many columns on."""
HEIGHTS = [(0, "-flat"), (16, "-short"), (30, "-tall")]
"""Class that every screen has from this many lines on."""
_NOTICE_S, _PROBLEM_S = 3.0, 8.0
"""Seconds that a message in the corner stays."""
HISTORY_FILE = "commands.history"
"""The lines typed at `:`, in the state directory."""


def _commands() -> type[Provider]:
    """The palette costs 40 ms to import, so the first frame does without it."""
    from tui.screens.palette import RegistryCommands

    return RegistryCommands


class Console(PartActions, TerminalUse, TypedAhead):
    """The operations console over one feed.

    `feed` is used as it is; else `connect` is awaited after the first paint. `owns_engine` states that leaving
    drains the engine, so leaving asks first. `read_only` from the start cannot be lifted. `keys` are the operator's
    own from keys.toml unless given.
    """

    TITLE = "Quarterdeck"
    CSS_PATH = "console.tcss"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_commands}
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "overview": OverviewScreen,
        "sessions": later("sessions", "SessionsScreen"),
        "errors": later("errors", "ErrorsScreen"),
        "recovery": later("recovery", "RecoveryScreen"),
        "queue": later("queue", "QueueScreen"),
        "cache": later("cache", "CacheScreen"),
        "tuning": later("tuning", "TuningScreen"),
        "profiler": later("profile", "ProfileScreen"),
        "conversations": later("conversations", "ConversationsScreen"),
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
        # What the app asks for while it is made.
        self.theming = Theming(self, Appearance(theme, refresh_hz, glyphs, title), self.tick, self.paint)
        super().__init__()
        clock = clock if clock is not None else SystemClock()
        self.clock = clock
        self.store = Store(clock)
        self.press_guard = PressGuard(clock)
        self.own_cost = OwnCost()
        self.dialogs = ConsoleDialogs(self)
        self.notices = ApprovalNotices(clock, os.environ.get("TERM", ""))
        self._write_terminal: Callable[[str], None] | None = None
        self.directory = ScreenDirectory(self, keys, self.paint)
        self.navigation = Navigation(self, self, clock)
        self.time_travel = TimeTravel(self, lambda: self.theming.refresh_hz)
        self._connection = Connection(feed, connect, clock)
        self.session_actions = SessionActions(self)
        self._locked = self._read_only = read_only
        self.owns_engine = owns_engine
        self.typed = CommandHistory()
        self.state_dir: Path | None = None
        """Where what is typed at `:` is kept, once the settings are known."""
        self.exports = state_directory(os.environ) / "exports"
        self.templates = config_directory(os.environ) / "templates"
        self.theming.start()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our tokens for the stock themes, which have none."""
        return self.theming.css_variables()

    def get_driver_class(self) -> type[Driver]:
        """Textual's way to a terminal, made to outlast one that goes away or does not read."""
        found = super().get_driver_class()
        if sys.platform != "linux" or found.__name__ != "LinuxDriver":
            return found
        from tui.terminal.driver import TerminalDriver

        return TerminalDriver

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Textual's hand-over of what is to be drawn: nothing to the left of what changed is written again."""
        if type(renderable) is ChopsUpdate:
            from tui.terminal.cropped_update import CroppedUpdate

            renderable = CroppedUpdate.of(renderable)
        super()._display(screen, renderable)
        self.own_cost.painted()

    def terminal_lost(self, reason: str) -> None:
        """Nobody can see or answer any more: leave, as when the line is lost."""
        self.log(f"the terminal is gone: {reason}")
        self.exit()

    def take_terminal(self, write: Callable[[str], None]) -> None:
        """Where notices are written; without a terminal of our own there is only the bell."""
        self._write_terminal = write

    def repaint(self) -> None:
        """The terminal reads again and has missed something: draw all of it."""
        self.refresh(layout=True)

    @property
    def keys(self) -> Keymap:
        """The keys in force."""
        return self.directory.keys

    @property
    def tabs(self) -> tuple[Tab, ...]:
        """Action, name and mode of each screen, those of plugins last."""
        return self.directory.tabs

    @property
    def glyph_table(self) -> Mapping[int, str] | None:
        """The translation into the glyph set in use; None for the full set."""
        return self.theming.glyph_table

    @property
    def feed(self) -> Feed | None:
        """The feed, once there is one."""
        return self._connection.feed

    @property
    def is_read_only(self) -> bool:
        """Whether acts are off."""
        return self._read_only

    @property
    def refusal(self) -> str:
        """Why nothing can be acted on now, or an empty string."""
        link = self.store.status.link
        if self._read_only:
            return f"Read-only: actions are off. {self.keys.shown('view.read_only')} allows them again."
        if self.store.past:
            return f"The past cannot be acted on; {self.keys.shown('time.live')} goes back to now."
        if self.feed is None or link is not LinkState.LIVE:
            return "A recording cannot be acted on." if link is LinkState.REPLAY else "No engine to act on."
        return ""

    @property
    def rate(self) -> str:
        """The refresh rate and the time, for line 1."""
        glyph = "‖" if self.store.frozen else "◀" if self.store.past else "●"
        return f"{glyph}{self.theming.refresh_hz:g}Hz {formats.clock(self.store.now)}"

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
        self.theming.on_mount()
        self.directory.on_mount()
        self.call_after_refresh(self._connect)

    def _connect(self) -> None:
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
        self.own_cost.refresh(getattr(self._driver, "written", 0))
        try:
            if feed is not None:
                batch = feed.poll()
        except (QuarterdeckError, OSError, ValueError, msgspec.MsgspecError):
            self.store.unreadable += 1
        self.own_cost.events += len(batch.events)
        engines = self.store.engines
        self.store.apply(batch, self._connection.status)
        if self.store.engines > engines:
            self._meet_engine()
        if self.store.status.link is LinkState.LIVE:
            self._follow_settings(batch.events)
            self._notify_of_approvals()
        self.theming.follow_files()
        self.paint()

    def _notify_of_approvals(self) -> None:
        waiting = self.store.live.permissions
        due = self.notices.due(waiting, focused=self.theming.focused, title=self.theming.pool_name)
        if due and self._write_terminal is not None:
            self._write_terminal(due)
        elif due.endswith("\a"):
            self.bell()

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a message in the corner, in the glyph set in use; by default it is no markup."""
        text = message.translate(self.glyph_table) if self.glyph_table is not None else message
        seconds = (_NOTICE_S if severity == "information" else _PROBLEM_S) if timeout is None else timeout
        super().notify(text, title=title, severity=severity, timeout=seconds, markup=markup)
        self.call_after_refresh(self.paint)  # a message takes its lines from what is shown

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

    def on_app_blur(self) -> None:
        """Nobody looks: paint seldom."""
        self.theming.focus(False)

    def on_app_focus(self) -> None:
        """Somebody looks again."""
        self.theming.focus(True)

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

    def carry_out(self, work: Coroutine[Any, Any, str | None]) -> None:
        """Carry an act out beside the console; its answer and the engine's refusal are shown."""

        async def carried_out() -> None:
            try:
                answer = await work
            except QuarterdeckError as error:
                self.notify(str(error), severity="error")
            else:
                if answer:
                    self.notify(answer)

        self.run_worker(carried_out(), group="acts", exit_on_error=False)

    def action_rate(self, step: int) -> None:
        """Paint more often, or less; a recording is played faster, or slower."""
        if not self.time_travel.faster(step):
            self.theming.step_rate(step)

    def action_command_line(self, line: str = "") -> None:
        """Type a command."""
        if self.state_dir is not None:
            self.typed.keep_in(self.state_dir / HISTORY_FILE)
        self.navigation.open_command_line(line)

    def action_read_only(self) -> None:
        """Turn acts off or on."""
        if self._locked:
            self.notify("Started with --read-only; that cannot be lifted here.", severity="warning")
            return
        self._read_only = not self._read_only
        self.paint()

    def action_reconnect(self) -> None:
        """Try to connect again now."""
        if self._connection.waits:
            self._connection.retry_now()

    async def action_quit(self) -> None:
        """Textual's own way out is ours."""
        self.action_leave()

    def action_leave(self) -> None:
        """Leave the console; with an engine of its own, ask first."""
        if not self.owns_engine or not self.store.has_data or self.store.live.engine.phase == "stopped":
            self.exit()
            return
        if not isinstance(self.screen, Confirm):
            self.push_screen(Leaving(lambda: self.store.live), self._left)

    async def leave(self, reason: str) -> None:
        """Close the feed and exit without a question, stating why."""
        await self._connection.aclose()
        self.exit(message=reason or None)

    def _left(self, yes: bool | None) -> None:
        if yes:
            self.exit()

    def _meet_engine(self) -> None:
        """Another engine answers where one did before: nothing of that one is shown as this one's."""
        self.navigation.forget_engine()
        self.time_travel.forget_engine()
        engine = self.store.live.engine
        began = formats.clock(engine.started_at)
        self.notify(
            f"This is another engine, {engine.engine}, started at {began}: lists and history begin again.",
            severity="warning",
        )

    def _follow_settings(self, events: Sequence[EventEnvelope]) -> None:
        for event in (stamped.event for stamped in events):
            if isinstance(event, SettingsChanged):
                names = (*SETTINGS, *approval_notices.SETTINGS)
                changed = {name: event.changes.get(f"console.{name}", (None, None))[1] for name in names}
                self.notices.apply_settings(changed)
                if any(value is not None for value in changed.values()):
                    self.theming.apply_settings(changed)
