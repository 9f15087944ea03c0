"""The console: paints first, then finds its feed; one timer takes facts in and paints them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import msgspec
from textual.app import App
from textual.binding import BindingType
from textual.command import Provider
from textual.screen import Screen
from textual.timer import Timer

from engine.clock import Clock, SystemClock
from engine.errors import QuarterdeckError
from engine.events.state import SessionView
from tui import health
from tui.actions import Scope, bindings
from tui.arming import Arming
from tui.connection import Connect, Connection
from tui.feeds.base import Feed, FeedBatch, Link
from tui.formats import clock as time_of_day
from tui.glyphs import GlyphSetting, glyph_table
from tui.health import Verdict, verdict
from tui.intents import Intents
from tui.palette import RegistryCommands
from tui.screens.dialogs import Chooser, Confirm
from tui.screens.help import Help
from tui.screens.overview import OverviewScreen
from tui.screens.session_lines import Card
from tui.screens.sessions import SessionsScreen
from tui.screens.station import Station
from tui.screens.transcript import TranscriptScreen
from tui.skins import FALLBACK, SkinSet, css_variables, load_skins
from tui.spans import Line
from tui.store import Store
from tui.widgets.sort import BY_KEY

RATES = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Paints a second that `-` and `+` step through."""
BLURRED_HZ = 0.5
"""Paints a second while the terminal is not looked at."""
WIDTHS = [(0, "-tiny"), (60, "-narrow"), (100, "-normal"), (116, "-roomy"), (160, "-wide")]
"""Class that every screen has from this many columns on."""
HEIGHTS = [(0, "-flat"), (16, "-short"), (30, "-tall")]
"""Class that every screen has from this many lines on."""


class Console(App[None]):
    """The operations console over one feed.

    `feed` is used as it is; else `connect` is awaited after the first paint. `owns_engine` says that leaving
    drains the engine, so leaving asks first. `read_only` from the start cannot be lifted.
    """

    TITLE = "Quarterdeck"
    CSS_PATH = "console.tcss"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {RegistryCommands}
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "overview": OverviewScreen,
        "sessions": SessionsScreen,
    }
    DEFAULT_MODE = "overview"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(Scope.APP))
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(
        self,
        feed: Feed | None = None,
        *,
        connect: Connect | None = None,
        skin: str = FALLBACK,
        refresh_hz: float = 2.0,
        glyphs: GlyphSetting = "auto",
        read_only: bool = False,
        owns_engine: bool = False,
        title: str = "",
        clock: Clock | None = None,
    ) -> None:
        self._skins = load_skins()
        super().__init__()
        clock = clock if clock is not None else SystemClock()
        self.store = Store(clock)
        self.arming = Arming(clock)
        self.glyph_table = glyph_table(glyphs)
        self.pool_name = title or "quarterdeck"
        self._connection = Connection(feed, connect, clock)
        self._intents = Intents(self)
        self._hz = refresh_hz
        self._focused = True
        self._timer: Timer | None = None
        self._locked = read_only
        self._read_only = read_only
        self.owns_engine = owns_engine
        self._last_mode = "sessions"
        self._wanted_skin = skin
        self.animation_level = "none"
        self._put_on_first_skin(skin)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our tokens for the stock themes, which have none."""
        return css_variables(self._skins.skins[FALLBACK].colours)

    @property
    def skins(self) -> SkinSet:
        """The skins at hand, and the files that are none."""
        return self._skins

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
        glyph = "‖" if self.store.frozen else "●"
        return f"{glyph}{self._hz:g}Hz {time_of_day(self.store.now)}"

    @property
    def verdict(self) -> Verdict:
        """The one health sentence."""
        store = self.store
        view = health.View(
            now=store.live_now,
            age=store.age,
            has_data=store.has_data,
            read_only=self._read_only,
            frozen_at=store.frozen_at if store.frozen else 0.0,
            errors_since=store.live.totals.failed - store.state.totals.failed,
            unreadable=store.unreadable,
            can_retry=self._connection.waits,
        )
        return verdict(store.live, store.status, view)

    def on_mount(self) -> None:
        """The first frame is on its way; now find the feed."""
        self.store.apply(FeedBatch(None, []), self._connection.status)
        self._start_timer()
        self.run_worker(self._connection.join(), group="connect")
        for problem in self._skins.problems:
            self.tell(f"Skin skipped: {problem}", "warning")
        if self._wanted_skin not in self._skins.skins:
            known = ", ".join(self._skins.skins)
            self.tell(f"There is no skin {self._wanted_skin!r}; using {FALLBACK}. There is {known}.", "warning")

    async def on_unmount(self) -> None:
        """Whatever ended the console, its feed is closed."""
        await self._connection.aclose()

    def on_app_blur(self) -> None:
        """Nobody looks: paint seldom."""
        self._focused = False
        self._start_timer()

    def on_app_focus(self) -> None:
        """Somebody looks again."""
        self._focused = True
        self._start_timer()

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
        self.paint()

    def paint(self) -> None:
        """Paint every screen that is in sight."""
        lost = self.store.status.link is Link.LOST and self.store.has_data
        for screen in self.screen_stack:
            screen.set_class(lost, "-stale")
            if isinstance(screen, Station):
                screen.paint()

    def tell(self, text: str, severity: str = "information") -> None:
        """Say something in the corner; the text is never markup."""
        match severity:
            case "error":
                self.notify(text, severity="error", markup=False, timeout=8)
            case "warning":
                self.notify(text, severity="warning", markup=False, timeout=8)
            case _:
                self.notify(text, markup=False, timeout=3)

    def act(self, name: str, rows: Sequence[SessionView]) -> None:
        """Do what a key asks for to these sessions, or say why not."""
        feed, refusal = self._connection.feed, self._intents.refusal(name, rows)
        if refusal or feed is None:
            self.tell(refusal, "warning")
            return
        self.run_worker(self._intents.act(name, list(rows), feed), group="acts", exit_on_error=False)

    def card(self, session: str) -> Card | None:
        """The approval that a session waits for, now in sight; from here on its keys arm."""
        asked = next((p for p in self.store.state.permissions.values() if p.session == session), None)
        self.arming.show(asked.id if asked is not None else "")
        if asked is None:
            return None
        if not self.arming.armed:
            self.set_timer(0.15, self.paint)
        return Card(asked, self.arming.bar)

    def open_transcript(self, session: str) -> None:
        """Show a session's transcript over the present screen."""
        if not isinstance(self.screen, TranscriptScreen):
            self.push_screen(TranscriptScreen(session))

    def show_sessions(self, filter_text: str) -> None:
        """Go to Sessions with this filter."""
        self.action_go("sessions")
        if isinstance(self.screen, SessionsScreen):
            self.screen.set_filter(filter_text)

    def copy_ids(self, ids: Sequence[str]) -> None:
        """Put ids on the terminal's clipboard (OSC 52)."""
        if ids:
            self.copy_to_clipboard(" ".join(ids))
            self.tell(f"Copied {ids[0]}." if len(ids) == 1 else f"Copied {len(ids)} ids.")

    def choose_sort(self, current: str, take: Callable[[str], None]) -> None:
        """Ask for the column to sort by."""

        def taken(key: str | None) -> None:
            if key:
                take(key)

        options = [(column.key, column.title.lower()) for column in BY_KEY.values()]
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

    def action_freeze(self) -> None:
        """Hold the view, or let it go."""
        self.store.freeze(not self.store.frozen)
        self.paint()

    def action_faster(self) -> None:
        """Paint more often."""
        self._step_rate(1)

    def action_slower(self) -> None:
        """Paint less often."""
        self._step_rate(-1)

    def action_repaint(self) -> None:
        """Draw every cell again."""
        self.refresh_css(animate=False)
        self.screen.refresh(repaint=True, layout=True)

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
        """Open the session that has waited longest for an approval."""
        waiting = sorted(self.store.state.permissions.values(), key=lambda asked: asked.asked_at)
        if waiting:
            self.open_transcript(waiting[0].session)
        else:
            self.tell("Nothing waits for an approval.")

    def action_help(self) -> None:
        """Show the keys."""
        screen = self.screen
        self.push_screen(Help(screen.SCOPE if isinstance(screen, Station) else Scope.APP))

    def action_choose_skin(self) -> None:
        """Choose a skin; each is tried on while the cursor is on it."""
        before = self.theme

        def taken(name: str | None) -> None:
            self.theme = name or before

        options = [(skin.name, skin.title) for skin in self._skins.skins.values()]
        self.push_screen(Chooser("SKIN", options, before, self._try_on), taken)

    async def action_quit(self) -> None:
        """Textual's own way out is ours."""
        self.action_leave()

    def action_leave(self) -> None:
        """Leave the console; with an engine of its own, ask first."""
        if not self.owns_engine or not self.store.has_data or self.store.live.engine.phase == "stopped":
            self.exit()
            return
        if not isinstance(self.screen, Confirm):
            self.push_screen(Confirm("LEAVE", self._leaving_facts(), "drain and leave", "stay"), self._left)

    async def leave(self, reason: str) -> None:
        """Close the feed and exit without a question, saying why."""
        await self._connection.aclose()
        self.exit(message=reason or None)

    def _left(self, yes: bool | None) -> None:
        if yes:
            self.exit()

    def _leaving_facts(self) -> list[Line]:
        state = self.store.live
        running = sum(1 for row in state.sessions.values() if row.request)
        return [
            [("The engine runs inside this console, so it is drained.", "")],
            [],
            [("running turns  ", "muted"), (f"{running}, given their grace to finish", "")],
            [("waiting        ", "muted"), (f"{len(state.requests) - running} requests", "")],
            [("sessions       ", "muted"), (f"{len(state.sessions)}, stopped with everything they started", "")],
        ]

    def _put_on_first_skin(self, wanted: str) -> None:
        for skin in self._skins.skins.values():
            self.register_theme(skin.theme())
        self.theme = wanted if wanted in self._skins.skins else FALLBACK

    def _try_on(self, name: str) -> None:
        self.theme = name

    def _step_rate(self, step: int) -> None:
        nearest = min(range(len(RATES)), key=lambda i: abs(RATES[i] - self._hz))
        self._hz = RATES[max(0, min(len(RATES) - 1, nearest + step))]
        self._start_timer()
        self.paint()

    def _start_timer(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        hz = self._hz if self._focused else min(self._hz, BLURRED_HZ)
        self._timer = self.set_interval(1 / hz, self.tick)
