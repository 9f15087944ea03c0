"""Group `memory`: reuse beside fresh allocation by class, the search of a transcript, what the collector does."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.backends.transcript_search import transcript_holds
from engine.bench.cpu import fastest
from engine.bench.figures import Figure, figure, ratio_at_most
from engine.bench.garbage import pressure
from engine.events import types as ev
from engine.memory.buffers import BufferPool
from engine.memory.optimizer import optimize

_TAIL, _EVENTS = 4 * 1024 * 1024, 10_000
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """How often a search is timed, the fastest counts; turns whose garbage is collected."""

    repeats: int = 20
    turns: int = 1000


FULL, QUICK = Size(), Size(6, 200)


def measure(folder: Path, size: Size, _seed: int, progress: Progress) -> list[Figure]:
    """All figures of the group."""
    progress("reuse beside fresh allocation")
    pool = BufferPool()
    rows = [
        figure(
            f"{each.name}: use again", each.reuse_ns, "ns", ratio=each.reuse_ns / each.fresh_ns,
            against=f"{each.fresh_ns:.0f} ns fresh; {'bypassed' if each.bypassed else 'reused'}",
        )
        for each in optimize(pool)
    ]  # fmt: skip
    rows.append(_layout())
    progress("a search of 4 MiB")
    rows += _search(folder, pool, size)
    return [*rows, *pressure(folder / "garbage", size.turns, progress)]


def _layout() -> Figure:
    """What an event takes in memory, beside a dict of the same fields."""

    def event(number: int) -> ev.TurnProgress:
        return ev.TurnProgress(session="s", words=number, tokens=number, seconds=number / 2, rate=number / 3)

    struct, plain = _bytes_each(event), _bytes_each(lambda number: msgspec.structs.asdict(event(number)))
    against = f"a dict of the same: {plain:.0f} bytes; {_EVENTS} of each"
    return figure("an event in memory", struct, "bytes", against=against, ratio=struct / plain)


def _bytes_each(make: Callable[[int], object]) -> float:
    tracemalloc.start()
    try:
        held = [make(number) for number in range(_EVENTS)]
        return tracemalloc.get_traced_memory()[0] / len(held)
    finally:
        tracemalloc.stop()


def _search(folder: Path, pool: BufferPool, size: Size) -> list[Figure]:
    folder.mkdir(parents=True, exist_ok=True)
    path, uuid = folder / "transcript.jsonl", "0f0e0d0c-1111-2222-3333-444455556666"
    path.write_bytes(b'{"type":"user","text":"a line of a transcript"}\n' * (_TAIL // 48))

    def whole() -> bool:
        return uuid.encode() in path.read_bytes()[-_TAIL:]

    def pieces() -> bool:
        return transcript_holds(path, uuid, pool, "t")

    ours, theirs = (1e3 * fastest(work, size.repeats) for work in (pieces, whole))
    peak, plain = _peak(pieces), _peak(whole)
    return [
        figure("search of a transcript's last 4 MiB, CPU", ours, "ms", ratio=ours / theirs,
               against=f"reading it whole: {theirs:.2f} ms; fastest of {size.repeats}"),
        ratio_at_most("search of a transcript's last 4 MiB, memory", peak, "MB", plain, 0.7,
                      against=f"reading it whole: {plain:.2f} MB; budget of F8, 30 % less"),
    ]  # fmt: skip


def _peak(work: Callable[[], object]) -> float:
    """Megabytes that Python allocated at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()
