"""What one session writes: finished entries and the block under way, and how fast, for everybody who watches."""

from __future__ import annotations

import asyncio

from engine.base.clock import Clock
from engine.events import types as ev
from engine.events.bus import Bus
from engine.sessions import protocol_events as f
from engine.sessions.live_secrets import LiveSecrets
from engine.sessions.transcripts import Transcripts
from engine.sessions.turn_meter import PERIOD_S, Progress, TurnMeter

STALL_S = 2 * PERIOD_S
"""Seconds between two looks whether anything was written."""


class LiveOutput:
    """Owner of one session's part of the transcripts; progress is published at most once a second.

    Of a block that grows no more the rate falls to nothing, while it is open and at its end.
    """

    def __init__(self, session: str, transcripts: Transcripts, bus: Bus, clock: Clock) -> None:
        self._session = session
        self._transcripts = transcripts
        self._bus = bus
        self._clock = clock
        self._meter = TurnMeter()
        self._rate = 0.0
        self._look: asyncio.TimerHandle | None = None
        self._secrets: LiveSecrets | None = None

    def add(self, kind: str, title: str, text: str, *, detail: str = "", ref: str = "") -> None:
        """Write one finished entry."""
        self._transcripts.add(self._session, self._clock.wall(), kind, title, text, detail=detail, ref=ref)

    def take(self, fact: f.BlockOpened | f.BlockGrew | f.BlockClosed) -> None:
        """A block begins, grows or ends."""
        match fact:
            case f.BlockOpened(kind, title):
                self._rest()
                self._meter.begin(self._clock.monotonic())
                self._secrets = LiveSecrets() if kind == "tool" else None
                self._transcripts.open_part(self._session, self._clock.wall(), kind, title)
                self._watch()
            case f.BlockGrew(text):
                self._show(self._secrets.grow(text) if self._secrets is not None else text)
                self._report(text)
            case f.BlockClosed(lost):
                self.end(lost)

    def end(self, lost: str = "") -> None:
        """Nothing is written any more; a block that is `lost` is kept as an entry with the reason why it ends there."""
        self._rest()
        if self._secrets is not None:
            self._show(self._secrets.end())
            self._secrets = None
        part = self._transcripts.close_part(self._session)
        if lost and part is not None and part.text.strip():
            self.add(part.kind, part.title, f"{part.text}\n… {lost}")

    def _show(self, text: str) -> None:
        if text:
            self._transcripts.grow_part(self._session, text)

    def _watch(self) -> None:
        self._look = asyncio.get_running_loop().call_later(STALL_S, self._tick)

    def _tick(self) -> None:
        self._report("")
        self._watch()

    def _rest(self) -> None:
        if self._look is not None:
            self._look.cancel()
            self._look = None
        if self._rate:
            self._publish(self._meter.so_far(self._clock.monotonic()))

    def _report(self, piece: str) -> None:
        progress = self._meter.wrote(piece, self._clock.monotonic())
        if progress is not None and (progress.rate or self._rate):
            self._publish(progress)

    def _publish(self, progress: Progress) -> None:
        self._rate = progress.rate
        self._bus.publish(
            ev.TurnProgress(
                session=self._session,
                words=progress.words,
                tokens=progress.tokens,
                seconds=round(progress.seconds, 1),
                rate=round(progress.rate, 1),
            )
        )
