"""A pool of workers on one event loop: each runs one job after the other, and none ends with a job."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from engine.base.clock import Clock
from engine.base.errors import BadInput, Overloaded
from engine.workers.scaler import WorkerLimits, WorkerLoad, decide

T = TypeVar("T")
_SLACK = 64
_PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True)
class WorkerStatistics:
    """Workers now (`active` and `idle`), jobs that wait, and jobs that ended by how; `mean_lifetime` in seconds.

    The mean lifetime is that of all workers there were, those that live included.
    """

    active: int
    idle: int
    queued: int
    completed: int
    failed: int
    timed_out: int
    cancelled: int
    mean_lifetime: float
    minimum: int
    maximum: int


class Job(Generic[T]):
    """One job; await it for its result. A job that nobody awaits fails without noise: `on_error` has heard of it."""

    __slots__ = ("_cancelled", "_on_drop", "_result", "_work", "expired", "name", "timeout", "worker")

    def __init__(
        self,
        work: Coroutine[Any, Any, T],
        name: str,
        timeout: float | None,
        on_drop: Callable[[Job[Any]], None],
    ) -> None:
        self._work, self._on_drop = work, on_drop
        self.expired = False
        self._cancelled = False
        self.name, self.timeout = name, timeout
        self._result: asyncio.Future[T] | None = None
        self.worker: asyncio.Task[None] | None = None

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.shield(self.result).__await__()

    @property
    def result(self) -> asyncio.Future[T]:
        """Its result; made when it is first needed, for many jobs wait."""
        if self._result is None:
            self._result = asyncio.get_running_loop().create_future()
        return self._result

    @property
    def was_cancelled(self) -> bool:
        """Whether somebody cancelled it, rather than the worker that runs it."""
        return self._cancelled

    def cancel(self) -> bool:
        """End it, waiting or running; False when it has ended."""
        if self._cancelled or (self._result is not None and self._result.done()):
            return False
        self._cancelled = True
        if self.worker is not None:
            self.worker.cancel()
        else:
            self.drop()
            self._on_drop(self)
        return True

    async def run(self) -> T:
        """Do the work, within its time. Raises what it raises."""
        if self.timeout is None:
            return await self._work
        scope = asyncio.timeout(self.timeout)
        try:
            async with scope:
                return await self._work
        finally:
            self.expired = scope.expired()

    def drop(self) -> None:
        """End it before it began."""
        self._work.close()
        self.result.cancel()


class Workers:
    """Owner of the workers and of the jobs that wait. Jobs begin in the order in which they came.

    `on_error` hears the name and the error of each job that failed or ran out of time. `clock` dates lifetimes and
    rests; call `tick` once in a while to end those that rested for too long.
    """

    def __init__(
        self, name: str, limits: WorkerLimits, clock: Clock, on_error: Callable[[str, BaseException], None]
    ) -> None:
        self._name, self._clock, self._on_error = name, clock, on_error
        self.limits = _checked(limits)
        self._jobs: deque[Job[Any]] = deque()
        self._waiting = 0
        """Jobs of the queue that were not cancelled."""
        self._handed: set[Job[Any]] = set()
        """Jobs that a worker has, which has not begun them yet."""
        self._idle: dict[asyncio.Task[None], tuple[asyncio.Future[Job[Any] | None], float]] = {}
        self._live: dict[asyncio.Task[None], float] = {}
        self._numbers = itertools.count(1)
        self._ended, self._lived = 0, 0.0
        self._completed = self._failed = self._timed_out = self._cancelled = 0
        self._closed = False

    def spawn(self, work: Coroutine[Any, Any, T], name: str, timeout: float | None = None) -> Job[T]:
        """Run a job, which may take `timeout` seconds once it began.

        Raises Overloaded when too many wait and after `aclose`, and BadInput for a timeout that is not above 0.
        """
        if self._closed or self._waiting >= self.limits.queued:
            work.close()
            why = "is closed" if self._closed else f"has {self._waiting} jobs waiting"
            raise Overloaded(f"The pool of workers {self._name} {why}.", remedy="Try again later, or allow more.")
        if timeout is not None and not timeout > 0:
            work.close()
            text = f"A timeout of {timeout:g} s leaves no time."
            raise BadInput(text, field="timeout", remedy="Give seconds above 0.")
        job = Job(work, name, timeout, self._dropped)
        self._jobs.append(job)
        self._waiting += 1
        self._serve()
        return job

    def configure(self, limits: WorkerLimits) -> None:
        """Other bounds, at once; a worker above the maximum ends with its job. Raises BadInput."""
        self.limits = _checked(limits)
        self.tick()

    def tick(self) -> int:
        """Start and end workers as the policy says; returns how many end."""
        return self._scale(self.limits.idle)

    def cleanup_idle(self) -> int:
        """End every idle worker above the minimum now; returns their number."""
        return self._scale(0.0)

    def statistics(self) -> WorkerStatistics:
        """As it is now."""
        now = self._clock.monotonic()
        lived = self._lived + sum(now - since for since in self._live.values())
        count = self._ended + len(self._live)
        return WorkerStatistics(
            active=len(self._live) - len(self._idle),
            idle=len(self._idle),
            queued=self._waiting,
            completed=self._completed,
            failed=self._failed,
            timed_out=self._timed_out,
            cancelled=self._cancelled,
            mean_lifetime=lived / count if count else 0.0,
            minimum=self.limits.minimum,
            maximum=self.limits.maximum,
        )

    async def aclose(self) -> None:
        """Drop what waits, cancel what runs, and wait until every worker has ended.

        A job that goes on after it was cancelled for `_PATIENCE_S` is reported and left behind.
        """
        self._closed = True
        while self._next() is not None:
            pass
        for job in self._handed:
            self._cancelled += 1
            job.drop()
        self._handed.clear()
        for worker in self._live:
            worker.cancel()
        if not self._live:
            return
        _, left = await asyncio.wait(self._live, timeout=_PATIENCE_S)
        for worker in left:
            self._on_error(worker.get_name(), TimeoutError(f"its job did not end in {_PATIENCE_S:g} s"))

    def _serve(self) -> None:
        """Hand jobs to idle workers, the one that rested least first, and start workers for the others."""
        while self._waiting and self._idle:
            _, (handed, _) = self._idle.popitem()
            handed.set_result(self._next())
        for _ in range(decide(self._load(float("inf")), self.limits).change):
            name = f"{self._name} worker {next(self._numbers)}"
            worker = asyncio.create_task(self._work(self._next()), name=name)
            self._live[worker] = self._clock.monotonic()
            worker.add_done_callback(self._gone)

    def _next(self) -> Job[Any] | None:
        while self._jobs:
            job = self._jobs.popleft()
            if not job.was_cancelled:
                self._waiting -= 1
                self._handed.add(job)
                return job
        return None

    def _load(self, rest: float) -> WorkerLoad:
        now = self._clock.monotonic()
        rested = sum(now - since >= rest for _, since in self._idle.values())
        return WorkerLoad(len(self._live), len(self._idle), self._waiting, rested)

    def _scale(self, rest: float) -> int:
        """Start or end what the policy says; the workers that rested longest end first."""
        if self._closed:
            return 0
        self._serve()
        change = decide(self._load(rest), self.limits).change
        for worker in list(self._idle)[: max(0, -change)]:
            handed, _ = self._idle.pop(worker)
            handed.set_result(None)
        return max(0, -change)

    async def _work(self, job: Job[Any] | None) -> None:
        """One job after the other, until there is one worker too many or nothing to do for too long."""
        me = asyncio.current_task()
        assert me is not None  # noqa: S101 - it runs as a task
        while True:
            if job is not None:
                await self._run(job, me)
            if self._closed or len(self._live) > self.limits.maximum:
                self._gone(me)  # at once: others that end at this moment count those that are left
                return
            job = self._next()
            if job is not None:
                await asyncio.sleep(0)  # jobs that await nothing leave the loop to others
                continue
            handed: asyncio.Future[Job[Any] | None] = asyncio.get_running_loop().create_future()
            self._idle[me] = (handed, self._clock.monotonic())
            job = await handed
            if job is None:
                return

    async def _run(self, job: Job[Any], me: asyncio.Task[None]) -> None:
        """Run one job; its failure is its own. One that was dropped meanwhile is not begun."""
        if job not in self._handed:
            return
        self._handed.discard(job)
        job.worker = me
        try:
            result = await job.run()
        except asyncio.CancelledError:
            self._cancelled += 1
            job.result.cancel()
            if not job.was_cancelled:
                raise
        except Exception as error:  # noqa: BLE001 - the border of a worker: any failure is the job's
            self._failed += not job.expired
            self._timed_out += job.expired
            job.result.set_exception(error)
            job.result.exception()  # reported below: no complaint of asyncio when nobody awaits it
            self._on_error(job.name, error)
        else:
            self._completed += 1
            job.result.set_result(result)
        finally:
            job.worker = None
            if job.was_cancelled:
                me.uncancel()

    def _dropped(self, job: Job[Any]) -> None:
        """A job was cancelled before it began; the queue is cleared of such when they are the most of it."""
        self._cancelled += 1
        if job in self._handed:
            self._handed.discard(job)
            return
        self._waiting -= 1
        if len(self._jobs) > 2 * self._waiting + _SLACK:
            self._jobs = deque(job for job in self._jobs if not job.was_cancelled)

    def _gone(self, worker: asyncio.Task[None]) -> None:
        if worker not in self._live:
            return
        self._ended += 1
        self._lived += self._clock.monotonic() - self._live.pop(worker)
        self._idle.pop(worker, None)
        if not self._closed:
            self._serve()  # a job may have come that this worker, about to end, could not take


def _checked(limits: WorkerLimits) -> WorkerLimits:
    for field, least in (("minimum", 0), ("maximum", 1), ("queued", 1), ("idle", 0)):
        if not getattr(limits, field) >= least:
            text = f"{field} is {getattr(limits, field):g}, which is below {least}."
            raise BadInput(text, field=field, remedy=f"Give {least} or more.")
    if limits.minimum > limits.maximum:
        text = f"The minimum of {limits.minimum} workers is above the maximum of {limits.maximum}."
        raise BadInput(text, field="minimum", remedy="Raise the maximum first.")
    return limits
