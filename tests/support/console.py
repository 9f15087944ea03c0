"""A console to drive: a feed that says what a test wants, and the screen as text."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from rich.console import Console as RichConsole
from textual.pilot import Pilot

from engine.base.clock import ManualClock
from engine.base.errors import QuarterdeckError
from engine.events.state import State
from engine.events.types import AnyEvent, EventEnvelope
from engine.sessions.transcripts import Page, TranscriptEntry
from engine.settings.live import LiveSettings
from engine.settings.schema import Settings
from engine.settings.tree import flatten
from tui.console.app import Console
from tui.model.link import FeedBatch, FeedStatus, LinkState
from tui.model.settings_sheet import SettingChange, SettingsSheet

NORMAL, SMALL = (120, 36), (80, 24)
"""The two sizes that the screens are made for."""


class FakeFeed:
    """A feed in the test's hand: `push` what happens, read what was asked for in `calls`."""

    def __init__(
        self, events: Sequence[EventEnvelope] = (), said: Mapping[str, Sequence[TranscriptEntry]] | None = None
    ) -> None:
        self.status = FeedStatus(LinkState.LIVE, "a test")
        self.calls: list[tuple[Any, ...]] = []
        self.refusal: QuarterdeckError | None = None
        self.said = dict(said or {})
        self.started = self.closed = 0
        self.live = LiveSettings(Settings(), clock=ManualClock(1_795_000_000.0))
        self._waiting = list(events)
        self._state: State | None = State()

    def push(self, at: float, *events: AnyEvent) -> None:
        """These happen at `at`, seconds since 1970."""
        seq = self._waiting[-1].seq if self._waiting else self._seq
        self._waiting += [EventEnvelope(seq + number, at, event) for number, event in enumerate(events, 1)]

    async def start(self) -> None:
        self.started += 1

    async def aclose(self) -> None:
        self.closed += 1

    def poll(self) -> FeedBatch:
        batch = FeedBatch(self._state, self._waiting)
        self._seq = self._waiting[-1].seq if self._waiting else self._seq
        self._state, self._waiting = None, []
        return batch

    async def transcript(self, session: str, after: int = 0) -> Page:
        entries = [entry for entry in self.said.get(session, ()) if entry.index >= after]
        return Page(session, entries, 0, entries[-1].index + 1 if entries else after)

    async def prompt(self, prompt: str, *, conversation: str = "", profile: str = "default") -> str:
        self._note("prompt", prompt, conversation, profile)
        return "r900"

    async def interrupt(self, session: str) -> bool:
        self._note("interrupt", session)
        return True

    async def stop(self, session: str, *, kill: bool, request: bool = True) -> None:
        self._note("kill" if kill else "stop", session, *(() if request else ("request stays",)))

    async def recycle(self, session: str) -> None:
        self._note("recycle", session)

    async def hibernate(self, session: str) -> None:
        self._note("hibernate", session)

    async def drain_profile(self, profile: str) -> int:
        self._note("drain", profile)
        return 2

    async def scale(self, size: int | None) -> None:
        self._note("scale", size)

    async def autoscale(self, on: bool) -> None:
        self._note("autoscale", on)

    async def answer(self, permission: str, *, allowed: bool, scope: str = "once", message: str = "") -> None:
        self._note("answer", permission, allowed, scope)

    async def answer_group(
        self, group: str, *, allowed: bool, scope: str = "once", message: str = "", expires: str = ""
    ) -> int:
        self._note("answer_group", group, allowed, scope, message, expires)
        return 1

    async def cancel(self, request: str) -> None:
        self._note("cancel", request)

    async def control_breaker(self, breaker: str, act: str) -> None:
        self._note("breaker", breaker, act)

    async def correct(self, error: str, kind: str) -> str:
        self._note("correct", error, kind)
        return "learned-1"

    async def settings(self) -> dict[str, Any]:
        return {"claude.grant_expiry": 28_800.0}

    async def change_settings(self, changes: Mapping[str, Any]) -> None:
        self._note("settings", dict(changes))
        self.live.propose(changes, "a test")

    async def check_settings(self, changes: Mapping[str, Any]) -> None:
        self.live.check(changes, "a test")

    async def save_settings(self) -> tuple[str, list[str]]:
        self._note("save")
        return "config.yaml", ["session_pool.max_size"]

    async def undo_settings(self) -> None:
        self._note("undo")
        self.live.undo("a test")

    async def tuning(self) -> SettingsSheet:
        changes = [SettingChange(one.number, one.who, one.when, one.changes, one.undoes) for one in self.live.history]
        return SettingsSheet(flatten(self.live.current), self.live.origins, changes)

    _seq = 0

    def _note(self, *call: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.calls.append(call)


class ConsoleFixture:
    """A console that runs without a terminal, on a clock that the test moves."""

    def __init__(self, app: Console, pilot: Pilot[None], feed: FakeFeed, clock: ManualClock) -> None:
        self.app, self.pilot, self.feed, self.clock = app, pilot, feed, clock

    async def press(self, *keys: str) -> None:
        """Press keys and let everything that follows happen."""
        await self.pilot.press(*keys)
        await self.settle()

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.press(*("space" if character == " " else character for character in text))

    async def settle(self) -> None:
        """Let the console take in what its feed brought, and finish what it has begun."""
        await self.pilot._wait_for_screen()
        self.app.tick()
        await self.pilot._wait_for_screen()
        await self.pilot.pause()

    @property
    def text(self) -> str:
        """The whole screen as a person sees it, without colours."""
        width, height = self.app.size
        paper = RichConsole(width=width, height=height, file=io.StringIO(), record=True, legacy_windows=False)
        # As App.export_screenshot draws it, so that what lies below a dialog is there too.
        drawn = self.app.screen._compositor.render_update(full=True, screen_stack=self.app._background_screens)
        paper.print(drawn)
        return "\n".join(line.rstrip() for line in paper.export_text().splitlines())

    @property
    def lines(self) -> list[str]:
        """The same by lines."""
        return self.text.split("\n")

    @property
    def told(self) -> list[str]:
        """What the corner says."""
        return [notice.message for notice in self.app._notifications]


@asynccontextmanager
async def console_fixture(
    feed: FakeFeed, clock: ManualClock, size: tuple[int, int] = NORMAL, **options: Any
) -> AsyncIterator[ConsoleFixture]:
    """A console over the feed, connected and painted."""
    # It paints by the test's hand alone: the own timer is at its slowest.
    options = {"title": "prod-eu", "theme": "default", "refresh_hz": 0.2, "glyphs": "unicode", **options}
    app = Console(feed, clock=clock, **options)
    async with app.run_test(size=size) as pilot:
        made = ConsoleFixture(app, pilot, feed, clock)
        await made.settle()
        await made.settle()
        yield made
