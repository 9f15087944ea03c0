"""The engine's one periodic ticker: runs every chore each round, and none of them can end it or another one."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from engine.base.nursery import Nursery
from engine.events.bus import Bus
from engine.events.types import Notice, Severity

TICK_S = 1.0
"""Seconds between two rounds."""
LATE_S = 5.0
"""Age of the last round, and of the last success of a chore, at which the engine is not ready."""
LONGEST_S = 30.0
"""Seconds after which what runs beside the rounds is cancelled, so that it begins again."""
_log = logging.getLogger(__name__)
_REMEDIES = {
    errno.EMFILE: "Raise the limit of open files (`ulimit -n`), or lower `session_pool.max_size`.",
    errno.ENFILE: "The machine has no file descriptors left: close programs, or raise fs.file-max.",
    errno.ENOSPC: "Free disk space.",
    errno.EDQUOT: "Free disk space, or raise the quota.",
    errno.EIO: "Check the disk.",
}
_REMEDY = "It is tried again every second; report it, with the engine's log, when it stays."

Work = Callable[[], Coroutine[Any, Any, None] | None]
"""Does one round of a chore: at once, or as a coroutine that runs beside the rounds."""
Spawn = Callable[[Coroutine[Any, Any, None], str], object]
"""Runs a coroutine in the background, under a name. Raises Overloaded."""


@dataclass(slots=True)
class Chore:
    """One periodic duty and how it fares; times are seconds on the machine's monotonic clock."""

    name: str
    work: Work
    since: float
    """Last success, or its beginning before the first one."""
    essential: bool = True
    deferrable: bool = False
    duration: float = 0.0
    runs: int = 0
    failures: int = 0
    error: str = ""
    """Why it fails now; empty while it works."""
    running: Coroutine[Any, Any, None] | None = None
    """What runs, or waits to run, beside the rounds."""

    def leave(self) -> None:
        """End what never began."""
        if self.running is not None:
            self.running.close()
            self.running = None


class Maintenance:
    """Owner of the schedule. `now` is the machine's monotonic clock: the engine's own one stops with the rounds.

    A chore that fails is reported by one notice and runs again in the next round; another notice reports that it
    works again. A chore whose coroutine still runs is not begun a second time. Coroutines have tasks of their own, for
    which no other work has to end; those of chores that can be deferred run in the `background`.
    """

    def __init__(self, bus: Bus, now: Callable[[], float], background: Spawn | None = None) -> None:
        self._bus = bus
        self._now = now
        self._chores: dict[str, Chore] = {}
        self._running = Nursery("maintenance", lambda _name, _error: None)
        self._background = background or self._running.spawn
        self._began: float | None = None
        self.rounds = 0

    @property
    def chores(self) -> list[Chore]:
        """All, in the order in which they run; read them, never write them."""
        return list(self._chores.values())

    def add(self, name: str, work: Work, *, essential: bool = True, deferrable: bool = False) -> None:
        """Run this in every round from now on; without what is `essential` the engine is not ready.

        What is `deferrable` may wait behind other work of the background.
        """
        self._chores[name] = Chore(name, work, self._now(), essential, deferrable)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                self.round()
            except Exception:  # noqa: BLE001 - what publishes a chore's failure may fail; the next round still comes
                _log.exception("A maintenance round failed.")
            await asyncio.sleep(TICK_S)

    def round(self) -> None:
        """Every chore once."""
        self.rounds += 1
        first, self._began = self._began is None, self._now()
        for chore in self.chores:
            if first:
                chore.since = self._began
            self._begin(chore)

    def age(self, chore: Chore) -> float:
        """Seconds since a chore succeeded last."""
        return self._now() - chore.since

    def late(self) -> list[str]:
        """Why the engine's upkeep cannot be relied on; empty when it can."""
        if self._began is None:
            return []
        now = self._now()
        if (age := now - self._began) > LATE_S:
            return [f"the last maintenance round began {age:.0f} s ago"]
        overdue = [chore for chore in self.chores if chore.essential and now - chore.since > LATE_S]
        return [
            f"{chore.name} did not succeed for {now - chore.since:.0f} s: {chore.error or 'it still runs'}"
            for chore in overdue
        ]

    async def aclose(self) -> None:
        """End the coroutines under way; what runs in the background has ended before."""
        await self._running.aclose()
        for chore in self.chores:
            chore.leave()

    def _begin(self, chore: Chore) -> None:
        if chore.running is not None:
            return
        began = self._now()
        try:
            chore.running = chore.work()
            if chore.running is not None:
                spawn = self._background if chore.deferrable else self._running.spawn
                spawn(self._finish(chore, chore.running, began), chore.name)
                return
        except Exception as error:  # noqa: BLE001 - a chore that fails ends neither itself nor the others
            chore.leave()
            self._failed(chore, error, began)
        else:
            self._succeeded(chore, began)

    async def _finish(self, chore: Chore, work: Coroutine[Any, Any, None], began: float) -> None:
        try:
            async with asyncio.timeout(LONGEST_S):
                await work
        except Exception as error:  # noqa: BLE001 - as above
            self._failed(chore, error, began)
        else:
            self._succeeded(chore, began)
        finally:
            chore.running = None

    def _succeeded(self, chore: Chore, began: float) -> None:
        chore.since = self._now()
        chore.duration = chore.since - began
        chore.runs += 1
        if chore.error:
            chore.error = ""
            self._bus.publish(Notice(severity=Severity.INFO, text=f"{chore.name} works again"))

    def _failed(self, chore: Chore, error: Exception, began: float) -> None:
        chore.duration = self._now() - began
        chore.runs += 1
        chore.failures += 1
        known, chore.error = chore.error, _reason(error)
        if not known:
            number = error.errno if isinstance(error, OSError) else None
            remedy = _REMEDIES.get(number or 0, _REMEDY)
            text = f"{chore.name} failed and is tried again each second: {chore.error}"
            self._bus.publish(Notice(severity=Severity.WARNING, text=text, remedy=remedy))


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else repr(error)
