"""Draws the screenshots from the recording beside this file: `python screenshots/make.py`.

Clock, size and recording are fixed, so each run writes the same bytes. The pictures are drawn with DejaVu Sans Mono.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import resvg_py

from engine.base.clock import ManualClock
from engine.events.recording import Recording
from engine.events.types import PermissionAsked
from engine.operations.declared.config import ChangeSettings
from engine.operations.declared.permissions import ShowPermission
from engine.operations.operation import A, Operation, R
from engine.sessions.transcripts import TranscriptEntry
from engine.settings.live import LiveSettings
from engine.settings.schema import Settings
from engine.settings.tree import flatten
from tui.console.app import Console
from tui.console.theme_library import ThemeLibrary
from tui.feeds.recorded import RecordedFeed
from tui.model.link import FeedStatus, LinkState
from tui.render.themes import FALLBACK

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from tests.support.console import permission_detail  # noqa: E402 - the tests' stand-in for an engine

RECORDING = HERE / "demo.flight.jsonl"
SAID = HERE / "demo.said.jsonl"
SIZE = (120, 36)
ARMED_S = 1.0
FONT = "DejaVu Sans Mono"
SCENES: dict[str, Sequence[str]] = {
    "overview": (),
    "sessions": ("2", "j", "j"),
    "approval": ("exclamation_mark", "enter"),
    "transcript": ("2", *"jjjjjj", "enter"),
    "errors": ("3",),
    "recovery": ("4",),
    "queue": ("5",),
    "tuning": ("7", "j", "right", "right", "j", "right"),
    "approvals": ("exclamation_mark",),
    "command": ("2", "colon", *"tune", "space", *"set", "space", *"max"),
    "help": ("2", "question_mark"),
    "kill": ("2", "z", "j", "space", "space", "K"),
}
"""Keys that lead to each picture in the default theme."""

_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class Line(msgspec.Struct):
    """One line of what was said."""

    session: str
    entry: TranscriptEntry


class LiveRecording(RecordedFeed):
    """A recording that looks like the pool did while it was made."""

    asked: Sequence[PermissionAsked] = ()
    """What the sessions ask leave for."""

    @property
    def status(self) -> FeedStatus:
        """As if live."""
        return FeedStatus(LinkState.LIVE, "recording")

    async def send(self, operation: Operation[A, R], args: A) -> R:
        """The settings of a start without any, and checks of changes as the engine makes them."""
        if isinstance(args, ShowPermission):
            asked = next(event for event in self.asked if event.permission == args.id)
            given = {"command": asked.summary}
            return msgspec.convert({"permission": permission_detail(asked, given, args)}, operation.result)
        if isinstance(args, ChangeSettings):
            LiveSettings(Settings(), clock=ManualClock(0.0)).check(args.changes, "ana")
            return msgspec.convert({"ok": True}, operation.result)
        shown = {"config": flatten(Settings()), "origins": {}, "changes": [], "total": 0}
        return msgspec.convert(shown, operation.result)


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
    feed.asked = [each.event for each in recording.events() if isinstance(each.event, PermissionAsked)]
    app = Console(feed, theme=theme, glyphs="unicode", title="prod-eu", clock=clock)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        app.tick()
        clock.advance(last)
        app.tick()
        await pilot.pause()
        await pilot.press(*keys)
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
