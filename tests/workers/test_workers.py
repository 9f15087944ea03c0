"""Workers: bounded, named, supervised; jobs that wait, fail, run out of time and are cancelled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.clock import ManualClock
from engine.base.errors import BadInput, Overloaded
from engine.workers.scaler import WorkerLimits, WorkerLoad, decide
from engine.workers.workers import Workers
from tests.support.processes import until
from tests.support.virtual_time import run_virtually

LIMITS = WorkerLimits(minimum=1, maximum=3, queued=5, idle=10.0)


class Fixture:
    """A pool whose jobs run until they are let go."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.errors: list[tuple[str, BaseException]] = []
        self.workers = Workers("test", LIMITS, self.clock, lambda *error: self.errors.append(error))
        self.go = asyncio.Event()
        self.began: list[str] = []

    async def job(self, name: str) -> str:
        """Begin, wait, return."""
        self.began.append(name)
        await self.go.wait()
        return name


@pytest.fixture
async def made() -> AsyncIterator[Fixture]:
    """One that is closed in the end."""
    fixture = Fixture()
    yield fixture
    await fixture.workers.aclose()
    assert not [task for task in asyncio.all_tasks() if "test worker" in task.get_name()]


async def test_jobs_begin_in_order_within_the_bound_and_share_the_workers(made: Fixture) -> None:
    jobs = [made.workers.spawn(made.job(str(number)), str(number)) for number in range(8)]
    await until(lambda: len(made.began) == 3)
    with pytest.raises(Overloaded, match="5 jobs waiting"):
        made.workers.spawn(made.job("9"), "9")
    found = made.workers.statistics()
    assert (found.active, found.idle, found.queued) == (3, 0, 5)
    made.go.set()
    assert await asyncio.gather(*jobs) == made.began == [str(number) for number in range(8)]
    await until(lambda: made.workers.statistics().idle == 3)
    assert made.workers.statistics().completed == 8


async def test_a_failure_is_the_jobs_own(made: Fixture) -> None:
    async def fail() -> None:
        raise ValueError("x")

    job = made.workers.spawn(fail(), "bad")
    with pytest.raises(ValueError, match="x"):
        await job
    assert [(name, str(error)) for name, error in made.errors] == [("bad", "x")]
    made.go.set()
    assert await made.workers.spawn(made.job("next"), "next") == "next"
    assert (made.workers.statistics().failed, len(made.workers._live)) == (1, 1)


async def test_a_job_that_takes_too_long_is_ended_and_its_worker_goes_on(made: Fixture) -> None:
    job = made.workers.spawn(made.job("slow"), "slow", timeout=0.01)
    with pytest.raises(TimeoutError):
        await job
    found = made.workers.statistics()
    assert (found.timed_out, found.failed, found.cancelled) == (1, 0, 0)

    async def own() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await made.workers.spawn(own(), "own", timeout=60.0)
    assert (made.workers.statistics().timed_out, made.workers.statistics().failed) == (1, 1)


async def test_a_job_is_cancelled_waiting_or_running_and_its_worker_goes_on(made: Fixture) -> None:
    jobs = [made.workers.spawn(made.job(str(number)), str(number)) for number in range(4)]
    await until(lambda: len(made.began) == 3)
    assert jobs[3].cancel()
    assert not jobs[3].cancel()
    assert made.workers.statistics().queued == 0
    assert jobs[0].cancel()
    for job in (jobs[0], jobs[3]):
        with pytest.raises(asyncio.CancelledError):
            await job
    made.go.set()
    assert await asyncio.gather(jobs[1], jobs[2]) == ["1", "2"]
    assert await made.workers.spawn(made.job("5"), "5") == "5"
    found = made.workers.statistics()
    assert (found.cancelled, found.completed, found.failed) == (2, 3, 0)
    assert not jobs[1].cancel()


@pytest.mark.parametrize("idle", [0, 1])
async def test_a_job_is_cancelled_before_its_worker_has_begun_it(made: Fixture, idle: int) -> None:
    made.go.set()
    for _ in range(idle):
        await made.workers.spawn(made.job("first"), "first")
        await until(lambda: made.workers.statistics().idle == 1)
    job = made.workers.spawn(made.job("x"), "x")
    assert job.cancel()
    assert not job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    await until(lambda: made.workers.statistics().idle == 1)
    assert await made.workers.spawn(made.job("next"), "next") == "next"
    found = made.workers.statistics()
    assert (found.queued, found.cancelled, found.failed, found.completed) == (0, 1, 0, idle + 1)
    assert "x" not in made.began
    assert made.errors == []


@pytest.mark.parametrize("idle", [0, 1])
async def test_closing_ends_a_job_that_its_worker_has_not_begun(made: Fixture, idle: int) -> None:
    made.go.set()
    for _ in range(idle):
        await made.workers.spawn(made.job("first"), "first")
        await until(lambda: made.workers.statistics().idle == 1)
    job = made.workers.spawn(made.job("x"), "x")
    await made.workers.aclose()
    assert job.result.cancelled()
    assert made.workers.statistics().cancelled == 1
    assert "x" not in made.began


async def test_a_job_that_comes_while_the_last_worker_ends_is_run(made: Fixture) -> None:
    made.workers.configure(replace(LIMITS, minimum=0, maximum=1))
    made.go.set()
    await made.workers.spawn(made.job("first"), "first")
    await until(lambda: made.workers.statistics().idle == 1)
    assert made.workers.cleanup_idle() == 1
    assert await asyncio.wait_for(made.workers.spawn(made.job("next"), "next").result, 5.0) == "next"


async def test_a_caller_that_leaves_leaves_the_job(made: Fixture) -> None:
    job = made.workers.spawn(made.job("1"), "1")

    async def wait() -> str:
        return await job

    waiting = asyncio.create_task(wait())
    await until(lambda: made.began)
    waiting.cancel()
    await asyncio.wait([waiting])
    made.go.set()
    assert await job == "1"


async def test_idle_workers_end_after_their_rest_down_to_the_minimum(made: Fixture) -> None:
    made.go.set()
    await asyncio.gather(*(made.workers.spawn(made.job(str(number)), "") for number in range(3)))
    await until(lambda: made.workers.statistics().idle == 3)
    made.clock.advance(9.0)
    assert made.workers.tick() == 0
    made.clock.advance(1.0)
    assert made.workers.tick() == 2
    await until(lambda: made.workers.statistics().idle == 1)
    assert made.workers.statistics().mean_lifetime == pytest.approx(10.0)
    made.workers.configure(replace(LIMITS, minimum=0))
    assert made.workers.cleanup_idle() == 0  # `configure` has ended it
    await until(lambda: made.workers.statistics().idle == 0)


async def test_bounds_change_live(made: Fixture) -> None:
    jobs = [made.workers.spawn(made.job(str(number)), "") for number in range(5)]
    await until(lambda: len(made.began) == 3)
    assert (made.workers.statistics().active, made.workers.statistics().queued) == (3, 2)
    made.workers.configure(replace(LIMITS, maximum=5))
    await until(lambda: len(made.began) == 5)
    assert (made.workers.statistics().active, made.workers.statistics().queued) == (5, 0)
    made.workers.configure(replace(LIMITS, maximum=2))
    assert made.workers.statistics().active == 5  # each ends with its job
    made.go.set()
    assert await asyncio.gather(*jobs) == [str(number) for number in range(5)]
    await until(lambda: made.workers.statistics().idle == 2)
    assert len(made.workers._live) == 2
    made.workers.configure(replace(LIMITS, minimum=3))
    await until(lambda: made.workers.statistics().idle == 3)
    found = made.workers.statistics()
    assert (found.minimum, found.maximum, found.completed, found.failed) == (3, 3, 5, 0)


async def test_jobs_that_are_cancelled_while_they_wait_leave_no_room_taken(made: Fixture) -> None:
    running = [made.workers.spawn(made.job(str(number)), "") for number in range(3)]
    for _ in range(1000):
        assert made.workers.spawn(made.job("x"), "x").cancel()
    assert made.workers.statistics().queued == 0
    assert len(made.workers._jobs) < 100
    made.go.set()
    await asyncio.gather(*running)
    assert "x" not in made.began


def test_closing_waits_for_a_job_that_ignores_its_end_only_so_long_and_reports_it() -> None:
    async def work() -> None:
        made, ended = Fixture(), asyncio.Event()

        async def deaf() -> None:
            while not ended.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await ended.wait()

        made.workers.spawn(deaf(), "deaf")
        other = made.workers.spawn(made.job("other"), "other")
        await asyncio.sleep(0)
        await made.workers.aclose()
        assert other.result.cancelled()
        assert [(name, str(error)) for name, error in made.errors] == [("test worker 1", "its job did not end in 2 s")]
        ended.set()

    run_virtually(work())


async def test_closing_ends_what_runs_and_what_waits(made: Fixture) -> None:
    jobs = [made.workers.spawn(made.job(str(number)), "") for number in range(5)]
    await until(lambda: len(made.began) == 3)
    await made.workers.aclose()
    assert all(job.result.cancelled() for job in jobs)
    assert made.workers.statistics().cancelled == 5
    with pytest.raises(Overloaded, match="closed"):
        made.workers.spawn(made.job("late"), "late")


@pytest.mark.parametrize(
    "bad",
    [
        {"maximum": 0}, {"maximum": -1}, {"minimum": -1}, {"queued": 0}, {"idle": -1.0}, {"minimum": 4},
        {"idle": float("nan")},
    ],
)  # fmt: skip
async def test_bounds_that_make_no_sense_are_refused_and_change_nothing(made: Fixture, bad: dict[str, float]) -> None:
    with pytest.raises(BadInput) as caught:
        made.workers.configure(replace(LIMITS, **bad))  # type: ignore[arg-type]
    assert caught.value.field in bad
    assert made.workers.limits == LIMITS
    for timeout in (0.0, -1.0, float("nan")):
        with pytest.raises(BadInput, match="no time"):
            made.workers.spawn(made.job("x"), "x", timeout)


@given(
    live=st.integers(0, 20), idle=st.integers(0, 20), queued=st.integers(0, 50), rested=st.integers(0, 20),
    minimum=st.integers(0, 8), more=st.integers(0, 8),
)  # fmt: skip
def test_the_policy_stays_within_the_bounds(
    live: int, idle: int, queued: int, rested: int, minimum: int, more: int
) -> None:
    idle = min(idle, live)
    limits = WorkerLimits(minimum, max(1, minimum + more))
    change = decide(WorkerLoad(live, idle, queued, min(rested, idle)), limits).change
    if change > 0:
        assert live + change <= limits.maximum
    if change < 0:
        assert -change <= idle
        assert live + change >= limits.minimum
