"""What the screens read: the projection with row versions and dirty rows, the link, and the time."""

from __future__ import annotations

from collections.abc import Iterable

from engine.base.clock import Clock
from engine.events.reducers.projection import Projection, touched_session
from engine.events.state import SessionView, State, decode_state, encode_state
from engine.events.types import EventEnvelope, Reading, SessionReadings, SessionState
from tui.model.history import History
from tui.model.link import FeedBatch, FeedStatus, LinkState
from tui.render import formats

FAILED_SHOWN_S = 600.0
"""Seconds that an ended session which failed stays a row."""
_BACKWARDS_S = 30.0
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)


class Store:
    """Owner of the console's projection; it changes only in `apply`, on the console's loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._projection = Projection()
        self._held: State | None = None
        self._held_at = 0.0
        self._past = False
        self._offset = clock.wall() - clock.monotonic()
        self._heard = clock.monotonic()
        self._changes = 0
        self._versions: dict[str, int] = {}
        self.status = FeedStatus(LinkState.CONNECTING, "")
        self.dirty: set[str] = set()
        self.has_data = False
        self.unreadable = 0
        self.history = History()
        self.engines = 0
        """How often another engine answered where one did before: what was shown of that one is gone."""

    @property
    def state(self) -> State:
        """What is shown: the live state, the one of the moment when the view was frozen, or one of the past."""
        return self._held if self._held is not None else self._projection.state

    @property
    def live(self) -> State:
        """The newest state, whatever is shown."""
        return self._projection.state

    @property
    def frozen(self) -> bool:
        """Whether the view stands still at a moment that was live."""
        return self._held is not None and not self._past

    @property
    def past(self) -> bool:
        """Whether a moment of the past is shown, that was gone back to."""
        return self._past

    @property
    def held_at(self) -> float:
        """The moment that is shown while frozen or in the past, in seconds since 1970; else 0.0."""
        return self._held_at if self._held is not None else 0.0

    @property
    def now(self) -> float:
        """The moment that is shown, in seconds since 1970 on the engine's clock; without a link, the last one heard."""
        if self._held is not None:
            return self._held_at
        return self.live_now - (self.age if self.status.link is LinkState.LOST else 0.0)

    @property
    def live_now(self) -> float:
        """The engine's time: of its newest event, carried on by our own clock; in a replay the moment played."""
        if self.status.link is LinkState.REPLAY:
            return self.status.at or self.live.at
        return self._clock.monotonic() + self._offset

    @property
    def age(self) -> float:
        """Seconds since the feed brought anything."""
        return max(0.0, self._clock.monotonic() - self._heard)

    def version(self, row: str) -> int:
        """A number that changes with every change of a row, and never comes back."""
        return self._versions.get(row, 0)

    def rows(self) -> dict[str, SessionView]:
        """The sessions, and those that failed and ended a short while ago, by id."""
        state, now = self.state, self.now
        rows = {
            view.id: view
            for view in state.ended
            if view.state is SessionState.FAILED and now - view.since < FAILED_SHOWN_S
        }
        rows.update(state.sessions)
        return rows

    def apply(self, batch: FeedBatch, status: FeedStatus) -> None:
        """Take in what the feed brought; afterwards `dirty` holds the rows that this changed."""
        self.status = status
        self.dirty = set()
        if batch.state is not None:
            self._replace(batch.state)
        for stamped in batch.events:
            self._apply_one(stamped)
        if batch.state is not None or batch.events:
            self.has_data = True
            self._heard = self._clock.monotonic()
            self._follow_time(self.live.at)

    def freeze(self, on: bool) -> None:
        """Hold the view at this moment, or let it go again; the data goes on in both cases."""
        if on and self._held is None:
            self._held_at = self.live_now
            self._held = decode_state(encode_state(self.live))
        elif not on and self.frozen:
            self.show_live()

    def show_past(self, state: State, at: float) -> None:
        """Show this state, of the moment `at`, until another one or `show_live`."""
        self._held, self._held_at, self._past = state, at, True
        self._touch_all(state)

    def show_live(self) -> None:
        """Show what is live."""
        self._held, self._past = None, False
        self._touch_all(self.live)

    def _replace(self, state: State) -> None:
        before = self.live.engine.engine
        if before and state.engine.engine not in {"", before}:
            self.engines += 1
            self.history = History()
            self.show_live()
        self._projection = Projection(state)
        self._touch_all(state)
        if self.status.link is not LinkState.REPLAY:
            self.history.begin(state)

    def _apply_one(self, stamped: EventEnvelope) -> None:
        event = stamped.event
        if isinstance(event, SessionReadings):
            moved = [reading.session for reading in event.readings if self._moved(reading)]
        else:
            moved = [row] if (row := touched_session(event)) else []
        try:
            self._projection.apply(stamped)
        except _UNREADABLE:
            self.unreadable += 1
            return
        if self.status.link is not LinkState.REPLAY:
            self.history.add(stamped, self.live)
        self._touch(moved)
        self._forget_gone()

    def _moved(self, reading: Reading) -> bool:
        """Whether a reading differs from the one before; most are not, and cost no repaint."""
        view = self.live.sessions.get(reading.session)
        return view is not None and formats.reading(view.cpu, view.rss) != formats.reading(reading.cpu, reading.rss)

    def _touch_all(self, state: State) -> None:
        self._touch(state.sessions)
        self._touch(view.id for view in state.ended)

    def _touch(self, rows: Iterable[str]) -> None:
        for row in rows:
            self._changes += 1
            self._versions[row] = self._changes
            self.dirty.add(row)

    def _forget_gone(self) -> None:
        known = len(self.live.sessions) + len(self.live.ended)
        if len(self._versions) > 2 * known + 100:
            shown = {*self.state.sessions, *(view.id for view in self.state.ended)}
            kept = self.live.sessions.keys() | {view.id for view in self.live.ended} | shown
            self._versions = {row: number for row, number in self._versions.items() if row in kept}

    def _follow_time(self, at: float) -> None:
        offset = at - self._clock.monotonic()
        if offset > self._offset or offset < self._offset - _BACKWARDS_S:
            self._offset = offset
