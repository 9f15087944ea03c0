"""Time travel: the console holds still, goes back and on again, in what it remembers, on disk, or in a recording."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from engine.base.errors import QuarterdeckError
from tui.model import totals
from tui.model.annotations import Annotation, bar, marks, neighbour
from tui.model.link import LinkState
from tui.render import formats

if TYPE_CHECKING:
    from engine.events.recording import Recording
    from tui.console.part_host import PartHost
    from tui.feeds.base import Playback
    from tui.model.store import Store
    from tui.render.spans import Line

MINUTE_S, DAY_S = 60.0, 86400.0
LEDGER_S = 10.0
"""Seconds that the lines of the ledger stay."""
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_AGO = re.compile(r"-\s*(\d+(?:\.\d+)?)\s*([smh])")


class TimeTravel:
    """Owner of the recording on disk that reaches further back; what is shown is the store's.

    `recordings` is the folder of an engine on this machine, None when there is none to read.
    """

    def __init__(self, host: PartHost, refresh_hz: Callable[[], float]) -> None:
        self._host = host
        self._refresh_hz = refresh_hz
        self._recording: Recording | None = None
        self.recordings: Path | None = None

    def forget_engine(self) -> None:
        """The recording of an engine before is none of this one's."""
        self._recording = None

    @property
    def _store(self) -> Store:
        return self._host.store

    @property
    def playback(self) -> Playback | None:
        """The feed, when it plays a recording."""
        playing = self._store.status.link is LinkState.REPLAY and hasattr(self._host.feed, "seek")
        return cast("Playback", self._host.feed) if playing else None

    @property
    def seeks(self) -> int:
        """How often another moment of a recording was opened: what was read before may lie ahead now."""
        return self.playback.seeks if self.playback is not None else 0

    @property
    def travelling(self) -> bool:
        """Whether a moment is shown that is not now."""
        return self._store.past or self._store.status.link is LinkState.REPLAY

    def scrub_line(self, width: int) -> Line:
        """The bar of the time that can be gone to."""
        return bar(self._span(), self._position, self._marks(), width)

    def go_to(self, at: float) -> None:
        """Show the moment `at`, in seconds since 1970; from now on it is now."""
        if (playback := self.playback) is not None:
            playback.seek(at)
            self._host.tick()
        elif not self._store.has_data:
            return
        elif at >= self._store.live_now:
            self.live()
        else:
            self._go_back(at)

    def go_to_text(self, text: str) -> str:
        """Go to the moment that is typed; the answer states why it cannot be."""
        at = moment(text, self._position, self._span()[1])
        if at is None:
            return f"{text!r} is no moment: 13:47, 13:47:12, -5m."
        self.go_to(at)
        return ""

    def step(self, direction: int) -> None:
        """One refresh back, or on."""
        self._shift(direction / self._refresh_hz())

    def minute(self, direction: int) -> None:
        """A minute back, or on."""
        self._shift(direction * MINUTE_S)

    def mark(self, direction: int) -> None:
        """The event before, or the next: a change of tuning, a breaker, a restart, a burst of errors."""
        mark = neighbour(self._marks(), self._position, direction)
        first, last = self._span()
        if mark is None or not first <= mark.at <= last:
            self._host.notify("No event before this moment." if direction < 0 else "No event after this moment.")
            return
        self.go_to(mark.at)
        self._host.notify(f"{formats.clock(mark.at)}  {mark.text}")

    def live(self) -> None:
        """From the past back to now."""
        if self._store.past:
            self._store.show_live()
            self._host.paint()

    def play(self) -> None:
        """A recording goes on, or stands still."""
        if (playback := self.playback) is not None:
            playback.play(not playback.playing)
            self._host.tick()

    def faster(self, step: int) -> bool:
        """Play a recording faster, or slower; False when none is played."""
        if (playback := self.playback) is None:
            return False
        playback.faster(step)
        self._host.tick()
        return True

    def jump(self) -> None:
        """Ask for a moment and go there."""
        self._host.carry_out(self._jump())

    async def _jump(self) -> None:
        first, last = self._span()
        facts: list[Line] = [[(f"from {formats.clock(first)} to {formats.clock(last)}", "muted")]]
        text = await self._host.dialogs.enter_text("GO TO A MOMENT", facts, "go", "13:47  13:47:12  -5m")
        if text is not None and (problem := self.go_to_text(text)):
            self._host.notify(problem, severity="warning")

    def ask_for_note(self) -> None:
        """Ask for a note on this moment."""
        if self.playback is None:
            self._host.notify(self.note(""))
        else:
            self._host.carry_out(self._ask_for_note())

    async def _ask_for_note(self) -> None:
        facts: list[Line] = [[("kept beside the recording, and a mark on the bar", "muted")]]
        title = f"NOTE AT {formats.clock(self._position)}"
        text = await self._host.dialogs.enter_text(title, facts, "note", "what is to be seen")
        if text is not None and (problem := self.note(text)):
            self._host.notify(problem, severity="error")

    def note(self, text: str) -> str:
        """Note something of this moment; the answer states why it cannot be."""
        if self.playback is None:
            return "Notes are kept beside a recording: `quarterdeck replay`."
        problem = self.playback.note(text)
        self._host.paint()
        return problem

    def find(self) -> None:
        """Ask for a text and go to the next event that holds it."""
        if self.playback is None:
            self._host.notify("Events are searched in a recording: `quarterdeck replay`.")
        else:
            self._host.carry_out(self._find(self.playback))

    async def _find(self, playback: Playback) -> None:
        facts: list[Line] = [[("an id, a type of event, a word of a prompt", "muted")]]
        text = await self._host.dialogs.enter_text("FIND IN THE EVENTS", facts, "find the next", "text")
        if text is None:
            return
        at = playback.find(text)
        if at is None:
            self._host.notify(f"No event after this moment holds {text!r}.")
        else:
            self.go_to(at)

    def freeze(self) -> None:
        """Hold the view, or let it go and state what happened meanwhile."""
        store = self._store
        if store.past:
            self._host.notify(f"The past stands still already; {self._host.keys.shown('time.live')} goes back to now.")
            return
        shown = totals.lines(store.state, store.live) if store.frozen else []
        store.freeze(not store.frozen)
        if shown:
            self._host.notify("\n".join(shown), title="While the view was held", timeout=LEDGER_S)
        self._host.paint()

    @property
    def _position(self) -> float:
        playback = self.playback
        return playback.position if playback is not None else self._store.now

    def _span(self) -> tuple[float, float]:
        if (playback := self.playback) is not None:
            return playback.span
        first = self._store.history.start or self._store.live_now
        if self._recording is not None:
            first = min(first, self._recording.start)
        return first, self._store.live_now

    def _marks(self) -> list[Annotation]:
        if (playback := self.playback) is not None:
            noted = [Annotation(note.at, "note", note.text) for note in playback.notes]
            return sorted([*marks(*playback.trends), *noted], key=lambda mark: mark.at)
        return marks(self._store.live.buckets, self._store.live.causes)

    def _shift(self, seconds: float) -> None:
        if seconds > 0 and not self.travelling:
            self._host.notify("This is now.")
        else:
            self.go_to(self._position + seconds)

    def _go_back(self, at: float) -> None:
        """Into the console's own memory, else into the recording on disk, else as far as there is."""
        state, disk = self._store.history.state_at(at), self._recording
        if state is None and self.recordings is not None and (disk is None or at > disk.end):
            self._host.run_worker(self._open(self.recordings, at), group="travel", exclusive=True, exit_on_error=False)
            return
        if state is None and at < (first := self._span()[0]):
            self._host.notify(f"This is all that is remembered: it begins at {formats.clock(first)}.")
            at, state = first, self._store.history.state_at(first)
        if state is None and disk is not None:
            state = disk.state_at(at)
        if state is not None:
            self._store.show_past(state, at)
            self._host.paint()

    async def _open(self, folder: Path, at: float) -> None:
        from engine.events.recording import Recording

        try:
            self._recording = await asyncio.to_thread(Recording, folder, self._store.live.engine.engine)
        except (QuarterdeckError, OSError):
            self.recordings = None
        else:
            # What was written last may still lie in the engine's buffer.
            at = min(at, self._recording.end)
        self._go_back(at)


def moment(text: str, at: float, last: float) -> float | None:
    """What a person means: a time of day at or before `last`, or so long before `at`."""
    text = text.strip()
    if found := _AGO.fullmatch(text):
        return at - float(found[1]) * _UNITS[found[2]]
    for form in ("%H:%M:%S", "%H:%M"):
        try:
            said = time.strptime(text, form)
        except ValueError:
            continue
        day = time.localtime(last)
        then = time.mktime((day.tm_year, day.tm_mon, day.tm_mday, said.tm_hour, said.tm_min, said.tm_sec, 0, 0, -1))
        return then if then <= last else then - DAY_S
    return None
