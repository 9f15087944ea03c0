"""What one session writes: finished entries and the block under way, and how fast, for everybody who watches."""

from __future__ import annotations

from engine.base.clock import Clock
from engine.events import types as ev
from engine.events.bus import Bus
from engine.sessions import protocol_events as f
from engine.sessions.transcripts import Transcripts
from engine.sessions.turn_meter import TurnMeter


class LiveOutput:
    """Owner of one session's part of the transcripts; progress is published at most once a second."""

    def __init__(self, session: str, transcripts: Transcripts, bus: Bus, clock: Clock) -> None:
        self._session = session
        self._transcripts = transcripts
        self._bus = bus
        self._clock = clock
        self._meter = TurnMeter()

    def add(self, kind: str, title: str, text: str, *, detail: str = "", ref: str = "") -> None:
        """Write one finished entry."""
        self._transcripts.add(self._session, self._clock.wall(), kind, title, text, detail=detail, ref=ref)

    def take(self, fact: f.BlockOpened | f.BlockGrew | f.BlockClosed) -> None:
        """A block begins, grows or ends."""
        match fact:
            case f.BlockOpened(kind, title):
                self._meter.begin(self._clock.monotonic())
                self._transcripts.open_part(self._session, self._clock.wall(), kind, title)
            case f.BlockGrew(text):
                self._transcripts.grow_part(self._session, text)
                self._report(text)
            case f.BlockClosed():
                self._transcripts.close_part(self._session)

    def end(self, lost: str = "") -> None:
        """The turn is over; what was `lost` with the process is kept as an entry with the reason why it ends there."""
        part = self._transcripts.close_part(self._session)
        if lost and part is not None and part.text.strip():
            self.add(part.kind, part.title, f"{part.text}\n… {lost}")

    def _report(self, piece: str) -> None:
        progress = self._meter.wrote(piece, self._clock.monotonic())
        if progress is not None:
            self._bus.publish(
                ev.TurnProgress(
                    session=self._session,
                    words=progress.words,
                    tokens=progress.tokens,
                    seconds=round(progress.seconds, 1),
                    rate=round(progress.rate, 1),
                )
            )
