"""The feed of a flight recording: the same events at their own pace, or faster; nothing in it can be acted on."""

# ruff: noqa: ARG002 - the arguments are the port's

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

import msgspec

from engine.base.clock import Clock
from engine.base.errors import Forbidden, NotFound
from engine.events import types as ev
from engine.events.recording import Recording
from engine.events.state import Bucket, CauseView, State
from engine.events.types import EventEnvelope
from engine.operations.declared.config import SETTINGS_HISTORY, SHOW_SETTINGS
from engine.operations.operation import A, Operation, R
from engine.sessions.transcripts import Page, TranscriptEntry, Transcripts
from tui.model.link import FeedBatch, FeedStatus, LinkState
from tui.model.notes import Note, Notes
from tui.render import formats

TRANSCRIPT_BYTES = 16 * 1024**2
"""Room for what the sessions of the recording said."""

SPEEDS = (1.0, 4.0, 16.0)
"""Recorded seconds a second that can be chosen."""

_REMEDY = "Attach to a running engine with `quarterdeck attach`."
Said = tuple[str, TranscriptEntry]
"""A session's id and an entry of its transcript."""


class RecordedFeed:
    """Owner of one playing of a recording. `speed` is in recorded seconds a second, from the first poll on.

    A recording holds no transcripts. `said` gives them where they were kept beside it; otherwise the events tell who
    was asked for what, which tools were used and how the turns ended, as far back as the checkpoint before a moment.
    """

    def __init__(
        self, recording: Recording, clock: Clock, *, speed: float = 1.0, said: Iterable[Said] | None = None
    ) -> None:
        self._recording = recording
        self._clock = clock
        self._speed = speed
        self._transcripts = Transcripts(TRANSCRIPT_BYTES)
        self._tells_itself = said is None
        self._all_said = sorted(said or (), key=lambda each: each[1].at)
        self._said = iter(self._all_said)
        self._next_said = next(self._said, None)
        self._events: Iterator[EventEnvelope] = iter(())
        self._next: EventEnvelope | None = None
        self._state: State | None = None
        self._anchor: tuple[float, float] | None = None
        self._playing = True
        self._start = 0.0
        self._seeks = 0
        self._notes = Notes(recording.paths)
        self._trends: tuple[list[Bucket], list[CauseView]] | None = None

    @property
    def status(self) -> FeedStatus:
        """A replay, with its speed; it stays one at its end."""
        detail = f"×{self._speed:g}" if self._next is not None or self._anchor is None else "end"
        if not self._playing:
            detail = f"‖ {detail}"
        damage = self._recording.damage
        missing = damage[0] + (f" (+{len(damage) - 1})" if len(damage) > 1 else "") if damage else ""
        source = self._recording.paths[0].name
        return FeedStatus(LinkState.REPLAY, source, detail, at=min(self.position, self._last), missing=missing)

    @property
    def position(self) -> float:
        """The moment that is played; it stays at the end."""
        if self._anchor is None:
            return self._start
        at, since = self._anchor
        return at + (self._clock.monotonic() - since) * self._speed if self._playing else at

    @property
    def span(self) -> tuple[float, float]:
        """The first event's time and the last one's."""
        return self._start, self._last

    @property
    def playing(self) -> bool:
        """Whether time goes on."""
        return self._playing

    @property
    def notes(self) -> Sequence[Note]:
        """What was noted of its moments."""
        return self._notes.notes

    def note(self, text: str) -> str:
        """Note something of the moment played, in the file beside the recording."""
        return self._notes.add(min(self.position, self._last), text)

    @property
    def seeks(self) -> int:
        """How often another moment was opened."""
        return self._seeks

    @property
    def trends(self) -> tuple[list[Bucket], list[CauseView]]:
        """Buckets and causes of the whole recording."""
        if self._trends is None:
            self._trends = self._recording.trends()
        return self._trends

    async def start(self) -> None:
        """Read the first event; time begins with the first poll. Raises BadInput."""
        self._events = self._recording.events()
        self._next = next(self._events, None)
        self._state = self._recording.initial()
        self._start = self._next.at if self._next is not None else self._recording.start

    async def aclose(self) -> None:
        """Stop reading."""
        self._events, self._next = iter(()), None

    def poll(self) -> FeedBatch:
        """The state after a start or a seek, then what happened until the moment that is played."""
        if self._anchor is None:
            self._anchor = (self._start, self._clock.monotonic())
        state, self._state = self._state, None
        until, events = self.position, []
        while self._next is not None and self._next.at <= until:
            events.append(self._next)
            self._retell(self._next)
            self._next = next(self._events, None)
        self._add_said(until)
        return FeedBatch(state, events)

    def seek(self, at: float) -> None:
        """Go to a moment within the span; the next poll brings its state."""
        at = min(max(at, self._start), self._last)
        moment = self._recording.moment(at)
        self._seeks += 1
        self._anchor = (at, self._clock.monotonic())
        self._state, self._events = moment.state, moment.after
        self._next = next(self._events, None)
        self._transcripts = Transcripts(TRANSCRIPT_BYTES)
        self._said = iter(self._all_said)
        self._next_said = next(self._said, None)
        for stamped in moment.before:
            self._retell(stamped)

    def play(self, on: bool) -> None:
        """Go on, or stand still."""
        self._anchor = (min(self.position, self._last), self._clock.monotonic())
        self._playing = on

    def faster(self, step: int) -> None:
        """The next of SPEEDS, up or down."""
        at = min(self.position, self._last)
        slower = [speed for speed in SPEEDS if speed < self._speed]
        quicker = [speed for speed in SPEEDS if speed > self._speed]
        self._speed = (quicker[0] if step > 0 else slower[-1]) if (quicker if step > 0 else slower) else self._speed
        self._anchor = (at, self._clock.monotonic())

    def find(self, text: str) -> float | None:
        """The moment of the next event whose record holds `text`, whatever its case."""
        found = self._recording.find(text, min(self.position, self._last))
        return found.at if found is not None else None

    @property
    def _last(self) -> float:
        return max(self._start, self._recording.end)

    async def transcript(
        self, session: str, after: int = 0, *, last: int = 0, part: int = 0, part_from: int = 0
    ) -> Page:
        """What the session had said until the moment that is played."""
        return self._transcripts.page(session, after, last=last, part=part, part_from=part_from)

    async def send(self, operation: Operation[A, R], args: A) -> R:
        """The settings that changed in the recording, as they were at its end.

        Raises Forbidden for what acts, NotFound for what a recording does not hold.
        """
        from tui.model.tuning_history import recorded_sheet

        if operation.acts:
            raise Forbidden("A recording cannot be acted on.", remedy=_REMEDY)
        if operation.id not in {SHOW_SETTINGS.id, SETTINGS_HISTORY.id}:
            raise NotFound("A recording holds what happened, not this in full.", remedy="Ask the engine while it runs.")
        sheet = recorded_sheet(self.trends[1])
        changes = [{**asdict(change), "restarts": []} for change in sheet.changes]
        shown = {"config": sheet.values, "origins": sheet.origins, "changes": changes, "total": len(changes)}
        return msgspec.convert(shown, operation.result)

    def _retell(self, stamped: EventEnvelope) -> None:
        if self._tells_itself and (entry := retold(stamped.event)) is not None:
            session, kind, title, text = entry
            self._transcripts.add(session, stamped.at, kind, title, text)

    def _add_said(self, until: float) -> None:
        while self._next_said is not None and self._next_said[1].at <= until:
            session, entry = self._next_said
            self._transcripts.add(session, entry.at, entry.kind, entry.title, entry.text)
            self._next_said = next(self._said, None)


def retold(event: ev.AnyEvent) -> tuple[str, str, str, str] | None:
    """What an event reports a transcript: session, kind, title, text; None when it tells nothing."""
    match event:
        case ev.TurnStarted():
            return event.session, "user", "", event.prompt
        case ev.TurnActivity():
            return event.session, "note", event.activity, ""
        case ev.PermissionAsked():
            return event.session, "tool", event.tool, event.summary
        case ev.TurnEnded(ok=True):
            return event.session, "note", f"the turn ended well after {formats.seconds(event.duration)}", ""
        case ev.TurnEnded():
            return event.session, "error", event.kind or event.outcome, event.error
        case _:
            return None
