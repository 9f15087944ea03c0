"""Group `threads`: events from the engine's thread to a reader on another one, and the waits for locks they share."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from engine.backends.transcript_search import transcript_holds
from engine.base.clock import SystemClock
from engine.bench.figures import Figure, at_most, figure, ratio_at_most
from engine.events import types as ev
from engine.events.bus import Bus, Subscription
from engine.memory.buffers import BufferPool

_SESSIONS, _BATCH = 100, 100
_MAILBOX_RATIO, _WAITED = 1.0, 1.0
_READERS_HZ = 30.0
_SEARCHES, _LINES = 4, 80_000
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """Events of a run, runs of each way in turns, and seconds under which locks are watched."""

    events: int = 50_000
    repeats: int = 9
    seconds: float = 5.0


FULL, QUICK = Size(), Size(10_000, 5, 1.0)


def measure(folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:  # noqa: ARG001 - nothing is random
    """All figures of the group."""
    progress("events to a reader on another thread")
    rows = _channel(size)
    progress("locks")
    return [*rows, _mailbox_lock(size), _buffer_lock(folder, size)]


def _channel(size: Size) -> list[Figure]:
    """CPU of all threads by event; what runs beside only adds, so the fastest run of each way counts."""
    ways = {"ours": _mailbox, "queue": _asyncio_queue, "bus": _bus, "in_loop": _in_loop}
    found = {name: min(run(size.events) for _ in range(size.repeats)) / size.events * 1e6 for name, run in ways.items()}
    crossing = f"asyncio.Queue fed by call_soon_threadsafe: {found['queue']:.2f} us"
    fastest = f"{size.events} events, fastest of {size.repeats}, CPU"
    return [
        ratio_at_most("an event to a reader on another thread", found["ours"], "us", found["queue"], _MAILBOX_RATIO,
                      against=f"{crossing}; {fastest}"),
        figure("an event to a reader on the same loop", found["in_loop"], "us",
               against="asyncio.Queue, put_nowait and get_nowait: the floor, which crosses no thread"),
        figure("an event through the bus to a reader on another thread", found["bus"], "us",
               ratio=found["bus"] / found["queue"],
               against=f"{crossing}; here it is numbered, timed, remembered and applied to the state, too"),
        figure("events a second through the bus", 1e6 / found["bus"], "events/s", against="one core; the row before"),
    ]  # fmt: skip


def _mailbox(events: int) -> float:
    """Through the mailbox alone."""
    bus = Bus(SystemClock(), history=1)
    subscription = bus.subscribe(limit=events + 1)
    stamped = ev.EventEnvelope(1, 0.0, ev.TurnProgress(session="s0001", words=1, tokens=1, seconds=1.0, rate=1.0))
    with _reader(subscription, events):
        return _spent(lambda: _offer(subscription, stamped, events), subscription, events)


def _offer(subscription: Subscription, stamped: ev.EventEnvelope, events: int) -> None:
    for _ in range(events):
        subscription.offer(stamped)


def _bus(events: int) -> float:
    """Published on a bus whose sessions are at work."""
    bus = Bus(SystemClock())
    for number in range(_SESSIONS):
        name = f"s{number:04d}"
        bus.publish(ev.SessionStarting(session=name, profile="default", tenant="default", backend="simulator"))
        bus.publish(ev.SessionReady(session=name, pid=number, version="2", start_s=0.4))
        bus.publish(ev.TurnStarted(request=f"r{number}", session=name, user="user", prompt="a prompt"))
    subscription = bus.subscribe(limit=events + 1)
    made = [
        ev.TurnProgress(session=f"s{number:04d}", words=number, tokens=number, seconds=1.0, rate=1.0)
        for number in range(_SESSIONS)
    ]
    with _reader(subscription, events):
        return _spent(lambda: [bus.publish(made[n % _SESSIONS]) for n in range(events)], subscription, events)


def _spent(publish: Callable[[], object], subscription: Subscription, events: int) -> float:
    """CPU seconds until a reader has all of them."""
    began = time.process_time()
    publish()
    while _READ.get(subscription, 0) < events:
        time.sleep(0.001)
    return time.process_time() - began


_READ: dict[Subscription, int] = {}
"""Events that the reader of a subscription has so far."""


@contextmanager
def _reader(subscription: Subscription, events: int) -> Iterator[None]:
    """A thread that reads as a console does, so often a second."""

    def read() -> None:
        while _READ[subscription] < events:
            _READ[subscription] += len(subscription.take().events)
            time.sleep(1 / _READERS_HZ)

    _READ[subscription] = 0
    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        del _READ[subscription]


def _asyncio_queue(events: int) -> float:
    """The plain way between threads: each event wakes the reader's loop."""
    return asyncio.run(_fed(events))


async def _fed(events: int) -> float:
    queue: asyncio.Queue[int] = asyncio.Queue()
    loop, began = asyncio.get_running_loop(), time.process_time()

    def feed() -> None:
        for number in range(events):
            loop.call_soon_threadsafe(queue.put_nowait, number)

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    for _ in range(events):
        await queue.get()
    feeder.join()
    return time.process_time() - began


def _in_loop(events: int) -> float:
    queue: asyncio.Queue[int] = asyncio.Queue()
    began = time.process_time()
    for number in range(events):
        queue.put_nowait(number)
        queue.get_nowait()
    return time.process_time() - began


# locks


class WatchedLock:
    """A lock that notes how often somebody had to wait for it, and how long: one thread, or any."""

    def __init__(self, thread: int | None = None) -> None:
        self._lock = threading.Lock()
        self._thread = thread
        self.taken = self.contended = self.wanted = 0
        self.waited = 0.0

    def __enter__(self) -> None:
        began = time.perf_counter()
        waits = not self._lock.acquire(blocking=False)
        if waits:
            self.wanted += 1
            self._lock.acquire()
        if self._thread is None or self._thread == threading.get_ident():
            self.taken += 1
            self.contended += waits
            self.waited += time.perf_counter() - began if waits else 0.0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


def _mailbox_lock(size: Size) -> Figure:
    """The engine publishes without a pause while a reader takes: more than any engine does."""
    bus = Bus(SystemClock(), history=1)
    subscription = bus.subscribe(limit=10_000)
    subscription._lock = lock = WatchedLock(threading.get_ident())  # type: ignore[assignment]  # noqa: SLF001 - measured from outside
    stop = threading.Event()

    def read() -> None:
        while not stop.wait(1 / _READERS_HZ):
            subscription.take()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    event = ev.TurnProgress(session="s0001", words=1, tokens=1, seconds=1.0, rate=1.0)
    ends = time.perf_counter() + size.seconds
    while time.perf_counter() < ends:
        for _ in range(_BATCH):
            bus.publish(event)
    stop.set()
    reader.join()
    return _waited(
        "wait of the engine's thread for a mailbox's lock",
        lock,
        size.seconds,
        f"a reader of {_READERS_HZ:g} Hz, events without end",
    )


def _buffer_lock(folder: Path, size: Size) -> Figure:
    """Threads search transcripts through leased buffers without a pause, as the engine does now and then."""
    folder.mkdir(parents=True, exist_ok=True)
    transcript = folder / "transcript.jsonl"
    transcript.write_bytes(b'{"type":"user","text":"a line of a transcript"}\n' * _LINES)
    pool = BufferPool()
    pool._lock = lock = WatchedLock()  # type: ignore[assignment]  # noqa: SLF001 - measured from outside
    ends = time.perf_counter() + size.seconds

    def search() -> None:
        while time.perf_counter() < ends:
            transcript_holds(transcript, "0f0e0d0c-1111-2222-3333-444455556666", pool, "default")

    threads = [threading.Thread(target=search, daemon=True) for _ in range(_SEARCHES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load = f"{_SEARCHES} threads that search transcripts without end"
    return _waited("wait of any thread for the buffers' lock", lock, _SEARCHES * size.seconds, load)


def _waited(name: str, lock: WatchedLock, seconds: float, load: str) -> Figure:
    contended = 100 * lock.contended / max(1, lock.taken)
    against = f"{load}; {lock.taken} times taken, {contended:.2g} % of them after a wait"
    return at_most(name, 100 * lock.waited / seconds, "% of the time", _WAITED, against=against)
