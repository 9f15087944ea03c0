"""Draws the screenshots from the recording beside this file: `python screenshots/make.py`.

Clock, size and recording are fixed, so each run writes the same bytes. The pictures are drawn with DejaVu Sans Mono.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import cast

import msgspec
import resvg_py
from textual.widgets import Input

from engine.base.clock import ManualClock
from engine.events.recording import Recording
from engine.operations.declared.config import ChangeSettings, ChangesResult, ConfigResult, SettingsChange
from engine.operations.declared.conversations import ConversationRow, ConversationsResult, ListConversations
from engine.operations.declared.paging import PageArgs
from engine.operations.declared.permissions import PermissionDetail, PermissionDetailResult, ShowPermission
from engine.operations.handlers.binding import rows_as
from engine.operations.operation import A, Operation, R
from engine.sessions.transcripts import TranscriptEntry
from engine.settings.live import LiveSettings
from engine.settings.load import load_settings
from tui.console.app import Console
from tui.console.theme_library import ThemeLibrary
from tui.feeds.recorded import RecordedFeed
from tui.model.link import FeedStatus, LinkState
from tui.render.themes import FALLBACK

HERE = Path(__file__).parent
RECORDING = HERE / "demo.flight.jsonl"
SAID = HERE / "demo.said.jsonl"
DETAILS = HERE / "demo.details.json"
SIZE = (120, 36)
ARMED_S = 1.0
FONT = "DejaVu Sans Mono"
STARTED_WITH = ("session_pool.min_size=6", "session_pool.max_size=16", "claude.permission_timeout=1h")
SIZES = (18, 16)
"""What the pool's size was changed to while it was recorded."""
SCENES: dict[str, Sequence[str]] = {
    "overview": (),
    "sessions": ("2", "j", "j", "j"),
    "approval": ("exclamation_mark", "enter"),
    "transcript": ("2", *"/state:running", "enter", "enter"),
    "errors": ("3",),
    "recovery": ("4",),
    "queue": ("5",),
    "conversations": ("0", "j", "j", "j"),
    "tuning": ("7", "j", "right", "right", "j", "right"),
    "approvals": ("exclamation_mark",),
    "command": ("2", "colon", *"tune", "space", *"set", "space", *"max"),
    "help": ("2", "question_mark"),
    "kill": ("2", *"/state:idle", "enter", "space", "space", "K"),
}
"""Keys that lead to each picture in the default theme."""

_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class Line(msgspec.Struct):
    """One line of what was said."""

    session: str
    entry: TranscriptEntry


class Details(msgspec.Struct):
    """What no event holds, as the engine listed it at the recording's end."""

    conversations: list[ConversationRow]
    permissions: list[PermissionDetail]


class LiveRecording(RecordedFeed):
    """A recording that looks like the pool did while it was made."""

    details = Details([], [])

    @cached_property
    def settings(self) -> LiveSettings:
        """What Tuning shows."""
        return tuned(Recording(RECORDING))

    @property
    def status(self) -> FeedStatus:
        """As if live."""
        return FeedStatus(LinkState.LIVE, "recording")

    async def send(self, operation: Operation[A, R], args: A) -> R:
        """The settings, checks of changes as the engine makes them, and the details."""
        if isinstance(args, ShowPermission):
            waiting = next(each for each in self.details.permissions if each.id == args.id)
            return cast(R, PermissionDetailResult(permission=waiting))
        if isinstance(args, ListConversations):
            rows = self.details.conversations
            return cast(R, ConversationsResult(conversations=rows, total=len(rows)))
        if isinstance(args, ChangeSettings):
            self.settings.check(args.changes, "ana")
            return msgspec.convert({"ok": True}, operation.result)
        history = rows_as(SettingsChange, list(self.settings.history))
        if isinstance(args, PageArgs):
            return cast(R, ChangesResult(changes=history, total=len(history)))
        return cast(R, ConfigResult(config=dict(self.settings.shown), origins=dict(self.settings.origins)))


def tuned(recording: Recording) -> LiveSettings:
    """The settings of the engine that was recorded, with the changes that were made live."""
    loaded = load_settings(None, STARTED_WITH, {"HOME": str(HERE)}, None)  # no settings file of whoever runs this
    clock = ManualClock(0.0)
    live = LiveSettings(loaded.settings, clock=clock, origins=loaded.origins)
    at = [cause.at for cause in recording.trends()[1] if cause.mark == "tuning"]
    for when, size in zip(at, SIZES, strict=True):
        clock.advance(when - clock.wall())
        live.propose({"session_pool.max_size": size}, "ana")
    return live


async def main() -> None:
    """All pictures."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    for name, keys in SCENES.items():
        await _picture(name, FALLBACK, keys)
    library = ThemeLibrary({})
    library.look()
    for theme in library.themes:
        if theme != FALLBACK:
            await _picture(f"overview-{theme}", theme, ())


async def _picture(name: str, theme: str, keys: Sequence[str]) -> None:
    clock = ManualClock(0.0)
    recording = Recording(RECORDING)
    last = max(stamped.at for stamped in recording.events())
    said = [msgspec.json.decode(line, type=Line) for line in SAID.read_bytes().splitlines()]
    feed = LiveRecording(recording, clock, said=[(line.session, line.entry) for line in said])
    feed.details = msgspec.json.decode(DETAILS.read_bytes(), type=Details)
    app = Console(feed, theme=theme, glyphs="unicode", title="prod-eu", clock=clock)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.tick()
        clock.advance(last)
        app.tick()
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
            for entry in app.screen.query(Input):
                entry.cursor_blink = False  # it follows the machine's clock
        for _ in range(3):
            clock.advance(ARMED_S / 3)
            app.tick()
            await pilot.pause(0.2)  # the drawer follows the cursor once it rests
        _write(name, app.export_screenshot(title="quarterdeck"))


def _write(name: str, svg: str) -> None:
    svg = _FONT_FACE.sub("", svg).replace("Fira Code", FONT)
    (HERE / f"{name}.svg").write_text(svg, encoding="utf-8")
    (HERE / f"{name}.png").write_bytes(bytes(resvg_py.svg_to_bytes(svg_string=svg, font_family=FONT)))


if __name__ == "__main__":
    asyncio.run(main())
