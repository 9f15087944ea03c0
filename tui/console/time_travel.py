"""Time travel: the console holds still, goes back and on again, in what it remembers, on disk, or in a recording."""

from __future__ import annotations

import asyncio
import re
import time
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, cast

from engine.base.errors import QuarterdeckError
from tui.console.theming import Theming
from tui.feeds.base import Feed
from tui.model import totals
from tui.model.annotations import Annotation, bar, marks, neighbour
from tui.model.link import LinkState
from tui.render import formats
from tui.screens.dialogs import TextEntry

if TYPE_CHECKING:
    from engine.events.recording import Recording
    from tui.actions.keymap import Keymap
    from tui.feeds.base import Playback
    from tui.model.store import Store
    from tui.render.spans import Line

MINUTE_S, DAY_S = 60.0, 86400.0
LEDGER_S = 10.0
"""Seconds that the lines of the ledger stay."""
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_AGO = re.compile(r"-\s*(\d+(?:\.\d+)?)\s*([smh])")


class TimeTravel(Theming):
    """Owner of the recording on disk that reaches further back; what is shown is the store's.

    `recordings` is the folder of an engine on this machine, None when there is none to read.
    """

    store: Store
    keys: Keymap
    recordings: Path | None = None
    _recording: Recording | None = None

    @property
    @abstractmethod
    def feed(self) -> Feed | None:
        """The feed, once there is one."""

    @property
    @abstractmethod
    def is_read_only(self) -> bool:
        """Whether acts are off."""

    @property
    def playback(self) -> Playback | None:
        """The feed, when it plays a recording."""
        playing = self.store.status.link is LinkState.REPLAY and hasattr(self.feed, "seek")
        return cast("Playback", self.feed) if playing else None

    @property
    def seeks(self) -> int:
        """How often another moment of a recording was opened: what was read before may lie ahead now."""
        return self.playback.seeks if self.playback is not None else 0

    @property
    def travelling(self) -> bool:
        """Whether a moment is shown that is not now."""
        return self.store.past or self.store.status.link is LinkState.REPLAY

    @property
    def refusal(self) -> str:
        """Why nothing can be acted on now, or an empty string."""
        link = self.store.status.link
        if self.is_read_only:
            return f"Read-only: actions are off. {self.keys.shown('view.read_only')} allows them again."
        if self.store.past:
            return f"The past cannot be acted on; {self.keys.shown('time.live')} goes back to now."
        if self.feed is None or link is not LinkState.LIVE:
            return "A recording cannot be acted on." if link is LinkState.REPLAY else "No engine to act on."
        return ""

    def scrub_line(self, width: int) -> Line:
        """The bar of the time that can be gone to."""
        return bar(self._span(), self._position, self._marks(), width)

    def go_to(self, at: float) -> None:
        """Show the moment `at`, in seconds since 1970; from now on it is now."""
        if (playback := self.playback) is not None:
            playback.seek(at)
            self.tick()
        elif not self.store.has_data:
            return
        elif at >= self.store.live_now:
            self.action_live()
        else:
            self._go_back(at)

    def go_to_text(self, text: str) -> str:
        """Go to the moment that is typed; the answer says why it cannot be."""
        at = moment(text, self._position, self._span()[1])
        if at is None:
            return f"{text!r} is no moment: 13:47, 13:47:12, -5m."
        self.go_to(at)
        return ""

    def action_step(self, direction: int) -> None:
        """One refresh back, or on."""
        self._shift(direction / self._look.refresh_hz)

    def action_minute(self, direction: int) -> None:
        """A minute back, or on."""
        self._shift(direction * MINUTE_S)

    def action_mark(self, direction: int) -> None:
        """The event before, or the next: a change of tuning, a breaker, a restart, a burst of errors."""
        mark = neighbour(self._marks(), self._position, direction)
        first, last = self._span()
        if mark is None or not first <= mark.at <= last:
            self.tell("No event before this moment." if direction < 0 else "No event after this moment.")
            return
        self.go_to(mark.at)
        self.tell(f"{formats.clock(mark.at)}  {mark.text}")

    def action_live(self) -> None:
        """From the past back to now."""
        if self.store.past:
            self.store.show_live()
            self.paint()

    def action_play(self) -> None:
        """A recording goes on, or stands still."""
        if (playback := self.playback) is not None:
            playback.play(not playback.playing)
            self.tick()

    def action_rate(self, step: int) -> None:
        """Paint more often, or less; a recording is played faster, or slower."""
        if (playback := self.playback) is not None:
            playback.faster(step)
            self.tick()
        else:
            super().action_rate(step)

    def action_jump(self) -> None:
        """Ask for a moment and go there."""
        first, last = self._span()
        facts: list[Line] = [[(f"from {formats.clock(first)} to {formats.clock(last)}", "muted")]]

        def taken(text: str | None) -> None:
            if text is not None and (problem := self.go_to_text(text)):
                self.tell(problem, "warning")

        self.push_screen(TextEntry("GO TO A MOMENT", facts, "go", "13:47  13:47:12  -5m"), taken)

    def action_note(self) -> None:
        """Ask for a note on this moment."""
        if self.playback is None:
            self.tell(self.note(""))
            return
        facts: list[Line] = [[("kept beside the recording, and a mark on the bar", "muted")]]

        def taken(text: str | None) -> None:
            if text is not None and (problem := self.note(text)):
                self.tell(problem, "error")

        self.push_screen(
            TextEntry(f"NOTE AT {formats.clock(self._position)}", facts, "note", "what is to be seen"), taken
        )

    def note(self, text: str) -> str:
        """Note something of this moment; the answer says why it cannot be."""
        if self.playback is None:
            return "Notes are kept beside a recording: `quarterdeck replay`."
        problem = self.playback.note(text)
        self.paint()
        return problem

    def action_find(self) -> None:
        """Ask for a text and go to the next event that holds it."""
        if self.playback is None:
            self.tell("Events are searched in a recording: `quarterdeck replay`.")
            return
        facts: list[Line] = [[("an id, a type of event, a word of a prompt", "muted")]]
        self.push_screen(TextEntry("FIND IN THE EVENTS", facts, "find the next", "text"), self._find)

    def action_freeze(self) -> None:
        """Hold the view, or let it go and say what happened meanwhile."""
        store = self.store
        if store.past:
            self.tell(f"The past stands still already; {self.keys.shown('time.live')} goes back to now.")
            return
        told = totals.lines(store.state, store.live) if store.frozen else []
        store.freeze(not store.frozen)
        if told:
            self.notify("\n".join(told), title="While the view was held", markup=False, timeout=LEDGER_S)
        self.paint()

    def _find(self, text: str | None) -> None:
        playback = self.playback
        if text is None or playback is None:
            return
        at = playback.find(text)
        if at is None:
            self.tell(f"No event after this moment holds {text!r}.")
        else:
            self.go_to(at)

    @property
    def _position(self) -> float:
        playback = self.playback
        return playback.position if playback is not None else self.store.now

    def _span(self) -> tuple[float, float]:
        if (playback := self.playback) is not None:
            return playback.span
        first = self.store.history.start or self.store.live_now
        if self._recording is not None:
            first = min(first, self._recording.start)
        return first, self.store.live_now

    def _marks(self) -> list[Annotation]:
        if (playback := self.playback) is not None:
            noted = [Annotation(note.at, "note", note.text) for note in playback.notes]
            return sorted([*marks(*playback.trends), *noted], key=lambda mark: mark.at)
        return marks(self.store.live.buckets, self.store.live.causes)

    def _shift(self, seconds: float) -> None:
        if seconds > 0 and not self.travelling:
            self.tell("This is now.")
        else:
            self.go_to(self._position + seconds)

    def _go_back(self, at: float) -> None:
        """Into the console's own memory, else into the recording on disk, else as far as there is."""
        state, disk = self.store.history.state_at(at), self._recording
        if state is None and self.recordings is not None and (disk is None or at > disk.end):
            self.run_worker(self._open(self.recordings, at), group="travel", exclusive=True, exit_on_error=False)
            return
        if state is None and at < (first := self._span()[0]):
            self.tell(f"This is all that is remembered: it begins at {formats.clock(first)}.")
            at, state = first, self.store.history.state_at(first)
        if state is None and disk is not None:
            state = disk.state_at(at)
        if state is not None:
            self.store.show_past(state, at)
            self.paint()

    async def _open(self, folder: Path, at: float) -> None:
        from engine.events.recording import Recording

        try:
            self._recording = await asyncio.to_thread(Recording, folder, self.store.live.engine.engine)
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
