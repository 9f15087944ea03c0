"""The bus: numbers and times every event, keeps the projection, and hands both to subscribers."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence

import msgspec

from engine.base.clock import Clock
from engine.events.reducers.projection import Projection
from engine.events.state import State, encode_state
from engine.events.types import AnyEvent, EventEnvelope, Notice, Severity


class Snapshot(msgspec.Struct, frozen=True):
    """A whole state, encoded as JSON at the moment it was taken; events after `seq` follow."""

    seq: int
    at: float
    state: bytes


class Batch(msgspec.Struct, frozen=True):
    """What a subscriber gets at one reading: a snapshot after a gap, then events in order."""

    snapshot: Snapshot | None
    events: list[EventEnvelope]


class Subscription:
    """A bounded mailbox between the engine's thread and one reader on any thread.

    When the reader is slower than the events, the mailbox is emptied and the next reading begins
    with a fresh snapshot, so memory is bounded and the reader's state is right again.
    """

    def __init__(self, bus: Bus, limit: int, on_ready: Callable[[], None] | None) -> None:
        self._bus = bus
        self._limit = limit
        self._on_ready = on_ready
        self._lock = threading.Lock()
        self._waiting: deque[EventEnvelope] = deque()
        self._snapshot: Snapshot | None = None
        self._lost = False
        self.gaps = 0

    def offer(self, stamped: EventEnvelope) -> None:
        """Engine's side: put one event in, never blocking and never growing past the limit."""
        with self._lock:
            first = not self._waiting
            if self._lost:
                self._bus.dropped += 1
                return
            if len(self._waiting) >= self._limit:
                self._bus.dropped += len(self._waiting) + 1
                self._waiting.clear()
                self._lost = True
                self.gaps += 1
            else:
                self._waiting.append(stamped)
        if first and self._on_ready is not None:
            self._on_ready()

    def catch_up(self, _stamped: EventEnvelope) -> None:
        """Engine's side: after a gap the next reading begins with the state as it is now."""
        if self._lost:
            self._bus.refill(self)

    def start_with(self, snapshot: Snapshot | None) -> None:
        """Engine's side: what the next reading begins with."""
        with self._lock:
            self._waiting.clear()
            self._snapshot = snapshot
            self._lost = False

    @property
    def lost(self) -> bool:
        """Whether events were dropped and the engine's side owes a snapshot."""
        return self._lost

    def take(self) -> Batch:
        """Reader's side: all that waits. After a gap it is empty until `Bus.refill` has run."""
        with self._lock:  # no longer than it takes to change hands: the engine's thread may wait for it
            snapshot, self._snapshot = self._snapshot, None
            waiting, self._waiting = self._waiting, deque()
        return Batch(snapshot, list(waiting))

    def close(self) -> None:
        """Leave the bus; safe to call twice."""
        self._bus.unsubscribe(self)


class Bus:
    """Owner of the event numbers and of the engine's projection; used on the engine's thread only.

    A listener that raises harms nobody: `faults` counts its failures by its name, and one notice reports the first.
    """

    def __init__(self, clock: Clock, history: int = 10_000) -> None:
        self._clock = clock
        self._history: deque[EventEnvelope] = deque(maxlen=history)
        self._projection = Projection()
        self._subscriptions: list[Subscription] = []
        self._listeners: list[Callable[[EventEnvelope], None]] = []
        self.faults: Counter[str] = Counter()
        self.dropped = 0
        """Events that slow readers missed; a snapshot stood in for them."""

    @property
    def followed(self) -> bool:
        """Whether anybody has a mailbox."""
        return bool(self._subscriptions)

    @property
    def state(self) -> State:
        """The live state; read it, never write it."""
        return self._projection.state

    @property
    def remembered(self) -> Sequence[EventEnvelope]:
        """The last events, the oldest first; read them at once, never write them."""
        return self._history

    def publish(self, event: AnyEvent) -> EventEnvelope:
        """Number and time an event, apply it, and offer it to every subscriber."""
        stamped = EventEnvelope(self.state.seq + 1, self._clock.wall(), event)
        self._projection.apply(stamped)
        self._history.append(stamped)
        first_faults = [notice for listener in self._listeners if (notice := self._hand(listener, stamped))]
        for subscription in self._subscriptions:
            if notice := self._hand(subscription.offer, stamped):
                first_faults.append(notice)
            if notice := self._hand(subscription.catch_up, stamped):
                first_faults.append(notice)
        for notice in first_faults:  # after everybody has heard of the event itself
            self.publish(notice)
        return stamped

    def snapshot(self) -> Snapshot:
        """The state as it is now."""
        return Snapshot(self.state.seq, self.state.at, encode_state(self.state))

    def listen(self, listener: Callable[[EventEnvelope], None]) -> None:
        """Call `listener` with every event, on the engine's thread; it must be quick. What it raises is counted."""
        self._listeners.append(listener)

    def subscribe(
        self,
        limit: int = 10_000,
        *,
        since: int | None = None,
        on_ready: Callable[[], None] | None = None,
    ) -> Subscription:
        """Open a mailbox of `limit` events.

        It begins with a snapshot, unless all events after number `since` are still remembered and fit into it.
        """
        subscription = Subscription(self, limit, on_ready)
        missed = self._after(since) if since is not None else None
        if missed is None or len(missed) > limit:
            subscription.start_with(self.snapshot())
        else:
            for stamped in missed:
                self._hand(subscription.offer, stamped)
        self._subscriptions.append(subscription)
        return subscription

    def refill(self, subscription: Subscription) -> None:
        """Heal a gap: the next reading begins with the state as it is now."""
        subscription.start_with(self.snapshot())

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a mailbox; unknown ones are ignored."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def _hand(self, receive: Callable[[EventEnvelope], None], stamped: EventEnvelope) -> Notice | None:
        """Give an event to one receiver; returns the notice of its first failure."""
        try:
            receive(stamped)
        except Exception as error:  # noqa: BLE001 - a receiver never harms the publisher
            name = _name_of(receive)
            self.faults[name] += 1
            if self.faults[name] > 1:
                return None
            text = f"{name} failed on an event: {error!r}; further failures of it are only counted"
            return Notice(severity=Severity.WARNING, text=text, remedy="Report it, with the engine's log.")
        return None

    def _after(self, since: int) -> list[EventEnvelope] | None:
        """The remembered events after `since`, or None when some are forgotten or `since` is of another run."""
        newest = self.state.seq
        oldest = self._history[0].seq if self._history else newest + 1
        if since > newest or since < oldest - 1:
            return None
        return [stamped for stamped in self._history if stamped.seq > since]


def _name_of(receive: Callable[[EventEnvelope], None]) -> str:
    return getattr(receive, "__qualname__", type(receive).__qualname__)
