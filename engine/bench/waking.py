"""Rows of group `pool` about waking, by parked processes and new ones in one loaded run, and about joined streams."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from engine.bench.cpu import cpu_seconds
from engine.bench.figures import Figure, Size, at_least, at_most, figure, ratio_at_most
from engine.bench.fixtures import ask, until
from engine.engine import Engine
from engine.events.types import ConversationWoken, EventEnvelope
from engine.pool.statistics import percentiles
from engine.requests import Request

SPARED = ("session_pool.min_size=0", "session_pool.max_size=8", "session_pool.wake_spares=1")
"""Room for the load, two wakes and a parked process."""
_LOAD = 2
"""Streams that run beside each wake."""
_PAIRS, _PAIRS_QUICK = 20, 5
_TURNS = 3
_WORDS, _STREAMS = 600, 4
_OFF = {"CLAUDE_CODE_STREAM_EVENT_HOLD_MS": "0", "CLAUDE_CODE_STREAM_EVENT_NO_SUBSCRIBER_HOLD_MS": "0"}
CPU_RATIO, P95_RATIO, STREAM_RATIO, FIRST_LATER_MS = 0.5, 0.6, 0.3, 60.0
_KINDS = ("each", "default")
"""Profiles whose CLI writes each piece at once, and as it does by default."""


class Woken:
    """Seconds and CPU seconds of wakes of one kind: until the process answers, and until the prompt is answered."""

    def __init__(self) -> None:
        self.up: list[float] = []
        self.cpu_up: list[float] = []
        self.answered: list[float] = []
        self.cpu: list[float] = []


class Wakes:
    """Wakes conversations of one engine, by turns with a parked process and without."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._events: list[ConversationWoken] = []
        self._cpu_up: dict[str, float] = {}
        self.parked, self.cold = Woken(), Woken()
        engine.bus.listen(self._hear)

    async def pair(self, first: str, second: str) -> None:
        """One is woken by the parked process, the other at once after it, so that none is parked again yet."""
        await self._sleep(first)
        await until(lambda: self._engine.pool.statistics().spares == 1)
        await self._sleep(second)
        await self._wake(first)
        await self._wake(second)

    async def _sleep(self, conversation: str) -> None:
        holder = self._engine.pool.index.holder("default", conversation)
        if holder is not None:
            await self._engine.pool.stop_session(holder.session, "bench")

    async def _wake(self, conversation: str) -> None:
        members = self._engine.pool.members.values()
        before = {member.session.pid: cpu_seconds([member.session.pid]) for member in members if member.spare}
        began = time.perf_counter()
        answer = await self._engine.submit(Request(prompt="[[words: 3]]", conversation=conversation))
        took = time.perf_counter() - began
        pid, event = self._engine.pool.session(answer.session).pid, self._events[-1]
        found, spent = self.cold if event.cold else self.parked, before.get(pid, 0.0)
        found.up.append(event.took)
        found.cpu_up.append(self._cpu_up[answer.session] - spent)
        found.answered.append(took)
        found.cpu.append(cpu_seconds([pid]) - spent)

    def _hear(self, stamped: EventEnvelope) -> None:
        event = stamped.event
        if isinstance(event, ConversationWoken):
            self._events.append(event)
            self._cpu_up[event.session] = cpu_seconds([self._engine.pool.session(event.session).pid])


async def wakes(engine: Engine, size: Size, place: str) -> list[Figure]:
    """The rows of one profile; `place` states where its conversations work."""
    pairs = _PAIRS if size.big else _PAIRS_QUICK
    found = Wakes(engine)
    async with _load(engine):
        conversations = [await _conversation(engine) for _ in range(2)]
        for _ in range(pairs):
            await found.pair(conversations[0], conversations[1])
    cold, parked = found.cold, found.parked
    beside = f"a new process in the same run beside {_LOAD} streams; {len(parked.up)} and {len(cold.up)} wakes, {place}"
    rows = [
        at_least(f"wakes by a parked process, {place}", len(parked.up), "wakes", pairs, against="each with one ready")
    ]
    for name, fast, slow, middle, limit in (
        ("CPU until it answers", parked.cpu_up, cold.cpu_up, True, CPU_RATIO),
        ("CPU to the first answer", parked.cpu, cold.cpu, True, None),
        ("p95", parked.up, cold.up, False, P95_RATIO),
        ("to the first answer, p95", parked.answered, cold.answered, False, None),
    ):
        value, base = (1e3 * (statistics.median(each) if middle else percentiles(each).p95) for each in (fast, slow))
        title = f"wake, {name}, {place}"
        if limit is None:
            rows.append(figure(title, value, "ms", against=beside, ratio=value / base))
        else:
            rows.append(ratio_at_most(title, value, "ms", base, limit, against=beside))
    return rows


async def _conversation(engine: Engine) -> str:
    conversation = ""
    for _ in range(_TURNS):
        conversation = await ask(engine, "[[words: 20]]", conversation)
    return conversation


@asynccontextmanager
async def _load(engine: Engine) -> AsyncIterator[None]:
    """Streams that run until the end, each in a conversation of its own."""

    async def stream() -> None:
        conversation = ""
        while True:
            conversation = await ask(engine, "[[words: 100]] [[pace: 10ms]]", conversation)

    running = [asyncio.create_task(stream()) for _ in range(_LOAD)]
    try:
        yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class Reader:
    """A caller who reads an answer as it grows; `first` is when the first piece came."""

    def __init__(self) -> None:
        self.began, self.first, self.pieces = time.perf_counter(), 0.0, 0

    def started(self, session: str, conversation: str) -> None:  # noqa: ARG002 - the port's signature
        """The turn begins."""
        self.began = time.perf_counter()

    def delta(self, text: str) -> None:  # noqa: ARG002 - the port's signature
        """A piece."""
        self.pieces += 1
        self.first = self.first or time.perf_counter() - self.began

    def dropped(self, size: int) -> None:
        """Nothing is dropped here."""


def stream_settings(workspace: str) -> list[str]:
    """A profile whose CLI writes each piece at once, beside the default one."""
    off = [f"profiles.each.environment.{name}={value}" for name, value in _OFF.items()]
    sizes = [f"session_pool.max_size={2 * _STREAMS}", "session_pool.min_size=0"]
    return [*sizes, f"profiles.default.workspace={workspace}", f"profiles.each.workspace={workspace}", *off]


async def streams(engine: Engine, size: Size) -> list[Figure]:
    """CPU of the engine while answers are written, with joined pieces and without."""
    rounds = 5 if size.big else 2
    spent: dict[tuple[str, bool], list[float]] = {}
    for kind in _KINDS:
        await _write(engine, kind, Reader, _STREAMS)
    for _ in range(rounds):
        rest = await _rest()
        for kind in _KINDS:
            for watched in (True, False):
                cpu, _ = await _write(engine, kind, Reader if watched else None, _STREAMS)
                spent.setdefault((kind, watched), []).append(cpu[0] - rest * cpu[1])
    load = f"{_STREAMS} streams of {_WORDS} words at once, less the engine at rest; the hold off in the same run"
    rows = [
        ratio_at_most(
            f"a stream of {_WORDS} words, engine's CPU, {name}",
            1e3 * statistics.median(spent["default", watched]) / _STREAMS, "ms",
            1e3 * statistics.median(spent["each", watched]) / _STREAMS, STREAM_RATIO, against=load,
        )
        for name, watched in (("watched", True), ("unwatched", False))
    ]  # fmt: skip
    return [*rows, await _first_piece(engine, 2 * rounds)]


async def _first_piece(engine: Engine, rounds: int) -> Figure:
    """How much later the first piece of a watched answer comes."""
    firsts: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    for _ in range(rounds):
        for kind in _KINDS:
            _, (reader,) = await _write(engine, kind, Reader, 1)
            firsts[kind].append(reader.first)
    held, off = (1e3 * statistics.median(firsts[kind]) for kind in ("default", "each"))
    against = f"p50 of {rounds}, {held:.0f} ms; {off:.0f} ms with the hold off in the same run"
    return at_most("first piece of a watched answer comes later by", held - off, "ms", FIRST_LATER_MS, against=against)


async def _write(
    engine: Engine, profile: str, reader: Callable[[], Reader] | None, count: int
) -> tuple[tuple[float, float], list[Reader]]:
    """CPU and wall seconds of the engine's thread for all streams at once, and their readers."""
    readers = [reader() for _ in range(count)] if reader is not None else []
    requests = [Request(prompt=f"[[words: {_WORDS}]] [[pace: 2ms]] {n}", profile=profile) for n in range(count)]
    began, cpu = time.perf_counter(), time.thread_time()
    listeners: list[Reader | None] = [*readers] if readers else [None] * count
    await asyncio.gather(*(engine.submit(*each) for each in zip(requests, listeners, strict=True)))
    return (time.thread_time() - cpu, time.perf_counter() - began), readers


async def _rest() -> float:
    """CPU a second of the engine's thread while nothing is written."""
    began, cpu = time.perf_counter(), time.thread_time()
    await asyncio.sleep(1.0)
    return (time.thread_time() - cpu) / (time.perf_counter() - began)
