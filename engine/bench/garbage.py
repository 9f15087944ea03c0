"""Rows of group `memory` about the garbage collector: what it does in a thousand turns, beside reading them bare."""

from __future__ import annotations

import asyncio
import gc
import json
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from engine.backends.base import AgentSpec
from engine.bench.baseline import Ask, held_open
from engine.bench.figures import Figure, at_most, figure, ratio_at_most
from engine.bench.fixtures import running, simulator_settings, until
from engine.bench.turn import pooled
from engine.engine import Engine
from engine.thread import keep_what_started

_AT_ONCE = 4
_SHARE, _PAUSE_RATIO = 5.0, 0.6
_PROMPT = "[[words: 40]]"
Progress = Callable[[str], None]


@dataclass
class Collections:
    """Owner of a hook in the collector: collections by generation, seconds that they took, the longest one."""

    counts: list[int] = field(default_factory=lambda: [0, 0, 0])
    seconds: float = 0.0
    longest: float = 0.0
    cpu: float = 0.0
    _began: float = 0.0

    def __enter__(self) -> Self:
        gc.collect()
        gc.callbacks.append(self._hear)
        self.cpu = -time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu += time.process_time()
        gc.callbacks.remove(self._hear)

    def _hear(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
            return
        took = time.perf_counter() - self._began
        self.counts[info["generation"]] += 1
        self.seconds += took
        self.longest = max(self.longest, took)

    @property
    def share(self) -> float:
        """Percent of the process's CPU."""
        return 100 * self.seconds / self.cpu if self.cpu else 0.0


def pressure(folder: Path, turns: int, progress: Progress) -> list[Figure]:
    """What the collector does while the engine answers so many prompts on the simulator."""
    progress(f"garbage of {turns} turns")
    sizes = [f"session_pool.min_size={_AT_ONCE}", f"session_pool.max_size={_AT_ONCE}"]
    with running(simulator_settings(folder, sizes)) as thread:
        ours, unfrozen, plain = thread.run(_measured(thread.engine, turns))
    load = f"{turns} turns of 40 pieces, {_AT_ONCE} at once, simulator"
    each = 1000 / turns
    bare = f"{_AT_ONCE} bare held-open processes, each line through json.loads: {plain.seconds * 1e3 * each:.3g} ms"
    counts = ", ".join(f"{count * each:.3g}" for count in ours.counts)
    theirs = ", ".join(f"{count * each:.3g}" for count in plain.counts)
    return [
        at_most("garbage collection, share of the engine's CPU", ours.share, "%", _SHARE, against=load),
        figure("garbage collection in 1,000 turns", ours.seconds * 1e3 * each, "ms", against=f"{bare}; {load}",
               ratio=ours.seconds / plain.seconds if plain.seconds else None),
        figure("garbage collections in 1,000 turns", sum(ours.counts) * each, "collections",
               against=f"by generation {counts}; bare {theirs}"),
        ratio_at_most("longest garbage collection, a whole one", ours.longest * 1e3, "ms", unfrozen.longest * 1e3,
                      _PAUSE_RATIO, against=f"without `gc.freeze` after the start: {unfrozen.longest * 1e3:.3g} ms"),
    ]  # fmt: skip


async def _measured(engine: Engine, turns: int) -> tuple[Collections, Collections, Collections]:
    await until(lambda: engine.pool.statistics().idle == _AT_ONCE)
    profile = engine.profiles.find("default", "default")
    await _ask_all(pooled(engine), turns // 10)
    with Collections() as unfrozen:
        await _ask_all(pooled(engine), turns)
        gc.collect()
    keep_what_started()
    with Collections() as ours:
        await _ask_all(pooled(engine), turns)
        gc.collect()
    gc.unfreeze()
    commands = [
        engine.backend.command(AgentSpec(f"bench{n}", profile, str(uuid.uuid4()), resume=False))
        for n in range(_AT_ONCE)
    ]

    async def bare(command: Any) -> None:
        async with held_open(command, json.loads) as ask:
            for _ in range(turns // _AT_ONCE):
                await ask(_PROMPT)

    with Collections() as plain:
        await asyncio.gather(*(bare(command) for command in commands))
    return ours, unfrozen, plain


async def _ask_all(ask: Ask, turns: int) -> None:
    left = iter(range(turns))

    async def worker() -> None:
        for number in left:
            await ask(f"{_PROMPT} {number}")

    works: list[Coroutine[Any, Any, None]] = [worker() for _ in range(_AT_ONCE)]
    await asyncio.gather(*works)
