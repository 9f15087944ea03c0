"""A recorded hour of a hundred sessions at work, invented from a seed: what opening and seeking are measured on."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from pathlib import Path

from engine.base.clock import ManualClock
from engine.events import types as ev
from engine.events.bus import Bus
from engine.events.recorder import Recorder
from engine.events.types import AnyEvent, SessionState

HOUR_S = 3600.0
START = 1_795_000_000.0
READINGS_EVERY_S = 2.0
ACTIVITY_EVERY_S = 2.0
_TOOLS = ("Bash pytest -q", "Read engine/pool.py", "writing", "thinking", "Grep retry", "Edit tui/console/app.py")
_SEGMENT_BYTES, _SEGMENTS = 16 * 1024**2, 20


def record_hour(folder: Path, sessions: int, seed: int) -> None:
    """Write the recording into `folder`."""
    rng, clock = random.Random(seed), ManualClock(START)  # noqa: S311
    bus = Bus(clock, history=1)
    recorder = Recorder(bus, folder, "bench", segment_bytes=_SEGMENT_BYTES, segments=_SEGMENTS)
    recorder.start()
    bus.publish(ev.EngineStarted(engine="bench", pid=1, backend="simulator", version="0", max_size=sessions))
    names = [f"s{number:04d}" for number in range(1, sessions + 1)]
    streams = [*(_session(name, rng) for name in names), _readings(names, rng), _changes(rng)]
    for at, event in heapq.merge(*streams, key=lambda each: each[0]):
        clock.advance(max(0.0, START + at - clock.wall()))
        bus.publish(event)
    recorder.close()


def _session(name: str, rng: random.Random) -> Iterator[tuple[float, AnyEvent]]:
    """Turns of some ten to sixty seconds with pauses; one in thirty fails."""
    at, turn = 10 * rng.random(), 0
    yield at, ev.SessionStarting(session=name, profile="default", tenant="default", backend="simulator")
    yield at + 0.4, ev.SessionReady(session=name, pid=int(name[1:]), version="2", start_s=0.4)
    at += 1.0
    while at < HOUR_S:
        turn += 1
        request, took, user = f"{name}r{turn}", rng.uniform(8.0, 60.0), f"user{rng.randrange(20)}"
        prompt = f"task {turn} of {name}: make the tests of the retry budget green"
        yield (
            at,
            ev.RequestQueued(
                request=request, user=user, tenant="default", profile="default", priority="medium", prompt=prompt
            ),
        )
        at += rng.random()
        yield at, ev.TurnStarted(request=request, session=name, user=user, prompt=prompt)
        end = at + took
        while (at := at + rng.uniform(0.5, 1.5) * ACTIVITY_EVERY_S) < end:
            yield at, ev.TurnActivity(session=name, activity=rng.choice(_TOOLS))
        at = max(at, end)
        yield from _ended(name, request, user, took, at, rng)
        at += rng.uniform(0.5, 8.0)


def _ended(
    name: str, request: str, user: str, took: float, at: float, rng: random.Random
) -> Iterator[tuple[float, AnyEvent]]:
    ok = rng.random() > 1 / 30
    kind, text = ("", "") if ok else ("network", "connection reset")
    yield at, ev.TurnEnded(
        request=request, session=name, ok=ok, outcome="answered" if ok else "failed", duration=took,
        tokens_in=400, tokens_out=int(40 * took), cost=0.001 * took, error=text,
    )  # fmt: skip
    if not ok:
        yield at, ev.ErrorSeen(
            error=f"{request}.1", request=request, session=name, profile="default", kind=kind, code="turn_failed",
            text=text, category="reset", rule="reset",
        )  # fmt: skip
    yield at, ev.SessionChanged(session=name, state=SessionState.IDLE)
    yield at, ev.RequestEnded(request=request, user=user, ok=ok, duration=took, kind=kind, error=text)


def _readings(names: list[str], rng: random.Random) -> Iterator[tuple[float, AnyEvent]]:
    for step in range(1, int(HOUR_S / READINGS_EVERY_S)):
        readings = [ev.Reading(name, round(5 * rng.random(), 1), 90_000_000 + step * 1000) for name in names]
        yield (
            step * READINGS_EVERY_S,
            ev.SessionReadings(readings=readings, engine_cpu=9.0, engine_rss=120_000_000),
        )


def _changes(rng: random.Random) -> Iterator[tuple[float, AnyEvent]]:
    """A tuning change every ten minutes, a breaker that opens and closes between them."""
    for number in range(1, 6):
        at = number * 600.0 + rng.random()
        yield at, ev.SettingsChanged(who="ana", changes={"session_pool.max_size": [100, 100 + number]})
        yield at + 200, ev.BreakerChanged(breaker="model:default", old="closed", new="open", reason="5 failures")
        yield at + 260, ev.BreakerChanged(breaker="model:default", old="open", new="closed", reason="3 probes")
