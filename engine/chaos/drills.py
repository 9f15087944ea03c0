"""The drills: each knows how to do one kind of harm to its own ground, and how to end it."""

from __future__ import annotations

import json
import random
import re
import signal
import sys
import uuid
from abc import ABC, abstractmethod
from enum import StrEnum

from engine.base.errors import QuarterdeckError
from engine.base.processes import identify
from engine.chaos.load import CLOCK
from engine.chaos.scorecard import Injection
from engine.chaos.target import Target, strike_on
from engine.requests import Request
from engine.settings.schema_work import SessionLimits

_HOG_MIB, _SOFT_MIB = 613, 512
_LONGEST_S = 600
"""Time after which a hog ends by itself, whatever became of its drill."""
_MOST_WORK = 0.5
_REFUSED = ("turn_failed", "overloaded", "deadline_passed", "api_429", "api_529")
"""Codes of requests that had all their attempts in an outage."""


class Channel(StrEnum):
    """What a drill does harm to; drills of one lane would undo each other and are never on at the same time."""

    PROCESSES = "processes"
    API = "api"
    MACHINE = "machine"
    ENGINE = "engine"
    ALL = "all"


class Drill(ABC):
    """One kind of harm; `again` states that it strikes every other second, else once."""

    name: str
    about: str
    lane: Channel
    again = False
    backends: tuple[str, ...] = ("simulator", "claude")

    @abstractmethod
    async def inject(self, target: Target, rng: random.Random, radius: float) -> list[Injection]:
        """Do the harm to at most this share of the sessions or calls, one at least; what was struck."""

    @abstractmethod
    async def heal(self, target: Target) -> None:
        """End the harm."""


class Signals(Drill):
    """Sends sessions a signal: SIGKILL ends them, SIGSTOP makes them hang."""

    lane = Channel.PROCESSES
    again = True

    def __init__(self, name: str, about: str, number: signal.Signals) -> None:
        self.name = name
        self.about = about
        self._number = number

    async def inject(self, target: Target, rng: random.Random, radius: float) -> list[Injection]:
        """Signal some sessions, one at least."""
        seen = await target.sessions()
        victims = rng.sample(seen, min(len(seen), max(1, int(radius * len(seen)))))
        hit = [(one, CLOCK.wall()) for one in victims if target.signal(one.process, self._number)]
        return [strike_on(self.name, one, at) for one, at in hit]

    async def heal(self, target: Target) -> None:
        """Nothing: it is for the engine to find them."""


class Window(Drill):
    """A fault over a share of all calls of the API. `final` are the codes of failures that no other attempt mends."""

    lane = Channel.API

    def __init__(self, name: str, about: str, fault: str, final: tuple[str, ...] = ()) -> None:
        self.name = name
        self.about = about
        self._fault = fault
        self._final = final

    async def inject(self, target: Target, rng: random.Random, radius: float) -> list[Injection]:  # noqa: ARG002
        """Lay the fault on. With half of the calls working another attempt is answered, so it excuses no failure."""
        target.api.fault(self._fault, radius)
        excuses = (*self._final, *_REFUSED) if radius > _MOST_WORK else self._final
        return [Injection(drill=self.name, at=CLOCK.wall(), outage=True, total=radius >= 1, excuses=excuses)]

    async def heal(self, target: Target) -> None:
        """Take it off."""
        await target.api.heal()


class Slow(Drill):
    """A share of all calls waits for its first byte."""

    name, about, lane = "slow", "a share of calls waits a second for its first byte", Channel.API

    async def inject(self, target: Target, rng: random.Random, radius: float) -> list[Injection]:  # noqa: ARG002
        """Slow the API down: a strike that nothing needs to notice."""
        target.api.slow(1.0, radius)
        return [Injection(drill=self.name, at=CLOCK.wall())]

    async def heal(self, target: Target) -> None:
        """Full speed."""
        await target.api.heal()


class NetworkCut(Drill):
    """The API cannot be reached at all; its blast radius is everything."""

    name, about, lane = "network_cut", "nobody listens at the API's address (reaches every session)", Channel.API

    async def inject(self, target: Target, rng: random.Random, radius: float) -> list[Injection]:  # noqa: ARG002
        """Cut it."""
        await target.api.cut()
        return [Injection(drill=self.name, at=CLOCK.wall(), outage=True, total=True, excuses=_REFUSED)]

    async def heal(self, target: Target) -> None:
        """Listen again."""
        await target.api.heal()


class DiskFull(Drill):
    """The disk has less room than its floor: the floor is raised above what is free, nothing is written."""

    name, lane = "disk_full", Channel.MACHINE
    about = "free disk is below `disk_floor` (the floor is raised; reaches every session)"

    async def inject(self, target: Target, rng: random.Random, radius: float) -> list[Injection]:  # noqa: ARG002
        """Raise the floor."""
        await target.change({"session_pool.limits.disk_floor": await target.disk_free() + 1024**3})
        return [Injection(drill=self.name, at=CLOCK.wall(), outage=True, total=True, excuses=("overloaded",))]

    async def heal(self, target: Target) -> None:
        """No floor."""
        await target.change({"session_pool.limits.disk_floor": 0})


class MemoryHog(Drill):
    """A tool of some sessions leaves a process running that keeps memory, until the engine replaces the session."""

    name, lane = "memory_hog", Channel.MACHINE
    about = f"tools of sessions leave {_HOG_MIB} MiB each in use (`memory_soft` is {_SOFT_MIB} MiB meanwhile)"

    async def inject(self, target: Target, rng: random.Random, radius: float) -> list[Injection]:  # noqa: ARG002
        """Let some sessions keep memory."""
        await target.change({"session_pool.limits.memory_soft": _SOFT_MIB * 2**20})
        struck = []
        for _ in range(max(1, min(3, int(radius * len(await target.sessions()))))):
            program = f"import time; kept = bytearray({_HOG_MIB} * 2**20); time.sleep({_LONGEST_S})"
            try:
                answer = await target.ask(_left_running(f'{sys.executable} -I -S -c "{program}"'))
            except QuarterdeckError:
                continue  # a session that never kept any is no victim
            struck.append(Injection(drill=self.name, at=CLOCK.wall(), session=answer.session))
        return struck

    async def heal(self, target: Target) -> None:
        """The shipped limit again; it is for the engine to find the sessions."""
        await target.change({"session_pool.limits.memory_soft": SessionLimits().memory_soft})


class CpuHog(Drill):
    """A tool of a session leaves a process running that takes a core."""

    name, about, lane = "cpu_hog", "a tool of a session leaves a process running that takes a core", Channel.MACHINE

    def __init__(self) -> None:
        self._pid = 0

    async def inject(self, target: Target, rng: random.Random, radius: float) -> list[Injection]:  # noqa: ARG002
        """Start it."""
        program = f"import time; end = time.time() + {_LONGEST_S}\nwhile time.time() < end: pass"
        answer = await target.ask(_left_running(f"{sys.executable} -I -S -c '{program}'"))
        found = re.search(r"\d+", answer.text)
        self._pid = int(found[0]) if found else 0
        return [Injection(drill=self.name, at=CLOCK.wall())]

    async def heal(self, target: Target) -> None:
        """End it."""
        process = identify(self._pid) if self._pid else None
        if process is not None:
            target.signal(process, signal.SIGKILL)
        self._pid = 0


def _left_running(command: str) -> Request:
    """A request whose tool starts a program, says its process id and leaves it running."""
    line = json.dumps({"command": f"{command} < /dev/null > /dev/null 2>&1 & echo $!"})
    return Request(id=f"hog-{uuid.uuid4().hex[:8]}", prompt=f"[[tool: Bash {line}]]")


class ManyAtOnce(Drill):
    """Several drills at one moment."""

    name, about, lane = "many_at_once", "kill, stop and a 529 window at one moment", Channel.ALL

    def __init__(self, parts: list[Drill]) -> None:
        self._parts = parts

    async def inject(self, target: Target, rng: random.Random, radius: float) -> list[Injection]:
        """All of them."""
        return [strike for part in self._parts for strike in await part.inject(target, rng, radius)]

    async def heal(self, target: Target) -> None:
        """All of them."""
        for part in self._parts:
            await part.heal(target)


class EngineKilled(Drill):
    """The engine's own process is killed, and started again when the drill heals."""

    name, lane = "engine_killed", Channel.ENGINE
    about = "a headless engine is killed and started again (reaches every session)"

    async def inject(self, target: Target, rng: random.Random, radius: float) -> list[Injection]:  # noqa: ARG002
        """Kill it."""
        at = CLOCK.wall()
        await target.kill_engine()
        causes = ("no_engine", "overloaded")
        return [Injection(drill=self.name, at=at, outage=True, total=True, causes=causes)]

    async def heal(self, target: Target) -> None:
        """Start it again; the next start reaps what the dead one left."""
        await target.start_engine()


def all_drills() -> dict[str, Drill]:
    """Fresh ones, by name, in the order in which `all` runs them."""
    made: list[Drill] = [
        _kill(),
        _stop(),
        Window("stall", "a share of calls falls silent in the answer", "stall_mid_default_40s"),
        Slow(),
        Window("window429", "a share of calls is refused with 429", "http429_plain"),
        _window529(),
        Window("unauthorized", "a share of calls is refused with 401", "http401_invalid_key", ("api_401",)),
        NetworkCut(),
        Window("truncated", "a share of answers is cut in the middle", "truncated_chunked_nofallback"),
        DiskFull(),
        MemoryHog(),
        CpuHog(),
        ManyAtOnce([_kill(), _stop(), _window529()]),
        EngineKilled(),
    ]
    return {drill.name: drill for drill in made}


def _kill() -> Drill:
    return Signals("kill", "sessions are killed", signal.SIGKILL)


def _stop() -> Drill:
    return Signals("stop", "sessions are stopped: alive, and deaf", signal.SIGSTOP)


def _window529() -> Drill:
    return Window("window529", "a share of calls is refused with 529", "http529")
