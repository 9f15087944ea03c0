"""The profiler on a live event loop: what it measures, and what it refuses."""

from __future__ import annotations

import asyncio
import os
import select
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

import pytest

from engine.base.clock import SystemClock
from engine.base.errors import BadInput, NotFound, Overloaded
from engine.events.types import AnyEvent, Notice, ProfilerStarted, ProfilerStopped
from engine.launchers.tree_usage import TreeUsage
from engine.operations.declared.profiler import StartProfiler
from engine.profiling.capture import KINDS
from engine.profiling.loop_lag import LoopLag
from engine.profiling.profiler import Profiler, ProfilerPorts
from engine.profiling.stacks import MOST_DEPTH, StackCounter
from engine.settings import schema_profiler
from engine.settings.schema import Settings
from tests.profiling.captures import burn
from tests.support.processes import until


@dataclass
class Fixture:
    """A profiler with a folder, and what it published."""

    folder: Path
    settings: schema_profiler.Profiler = field(default_factory=schema_profiler.Profiler)
    events: list[AnyEvent] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    measured: asyncio.Event = field(default_factory=asyncio.Event)
    """The processes are asked for; they are measured once this is set."""

    def __post_init__(self) -> None:
        self.measured.set()
        self.profiler = Profiler(
            ProfilerPorts(
                lambda: self.settings, lambda: self.folder, self.events.append, SystemClock(), self._trees, LoopLag()
            )
        )

    async def _trees(self) -> Mapping[str, TreeUsage]:
        self.asked.set()
        await self.measured.wait()
        return {}


@asynccontextmanager
async def profiler(folder: Path) -> AsyncIterator[Fixture]:
    """One that is closed in the end."""
    made = Fixture(folder)
    try:
        yield made
    finally:
        await made.profiler.aclose(at_once=True)


def waiting_in_c() -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Ways for a thread to wait in a function of no Python code, each with what ends it."""
    queue, lock, event, polling = SimpleQueue[None](), threading.Lock(), os.eventfd(0), threading.Event()
    lock.acquire()

    def poll() -> None:
        while not polling.is_set():
            time.sleep(0.02)

    return {
        "poll": (poll, polling.set),
        "queue": (queue.get, lambda: queue.put(None)),
        "lock": (lock.acquire, lock.release),
        "file": (lambda: os.read(event, 8), lambda: os.eventfd_write(event, 1)),
    }


async def test_it_finds_the_function_that_works_among_those_that_wait(tmp_path: Path) -> None:
    done = threading.Event()
    worker = threading.Thread(target=burn, args=(done,), name="burner")
    ways = waiting_in_c()
    idle = [threading.Thread(target=wait, name=f"idle {name}") for name, (wait, _end) in ways.items()]
    for each in (worker, *idle):
        each.start()
    try:
        async with profiler(tmp_path) as made:
            await made.profiler.start(("cpu",), 500.0, 60.0)
            await until(lambda: made.profiler.status().samples >= 100)
            capture = await made.profiler.stop()
    finally:
        done.set()
        for _wait, end in ways.values():
            end()
        for each in (worker, *idle):
            each.join()
    assert sum(stack.count for stack in capture.stacks if stack.thread.startswith("idle")) <= capture.samples // 5
    stacks = [stack for stack in capture.stacks if stack.thread == "burner"]
    assert sum(stack.count for stack in stacks) >= 50
    assert all(any(each.name == "burn" for each in stack.functions) for stack in stacks if stack.count > 1)
    assert capture.hot[0].function.name == "burn"
    assert all(stack.thread != "profiler" for stack in capture.stacks)
    assert {path.suffix for path in tmp_path.iterdir()} == {".md", ".svg", ".json"}
    assert made.profiler.rendered("markdown").startswith("# Profile")


def block_the_loop(seconds: float) -> None:
    """A call that does not await."""
    select.select([], [], [], seconds)


async def test_a_call_that_blocks_the_loop_is_named_with_its_length(tmp_path: Path) -> None:
    async with profiler(tmp_path) as made:
        await made.profiler.start(("blocking",), 200.0, 60.0)
        await until(lambda: made.profiler.status().samples >= 5)
        block_the_loop(0.3)
        await until(lambda: (made.profiler.status().lag or _NONE).most >= 0.2)
        capture = await made.profiler.stop()
    longest = capture.steps[0]
    assert longest.seconds == pytest.approx(0.3, abs=0.1)
    assert longest.functions[-1].name == "block_the_loop"
    assert capture.blocking >= 1
    assert "block_the_loop" in made.profiler.rendered("markdown").splitlines()[6]


class _NONE:
    most = 0.0


async def test_short_steps_of_a_busy_loop_are_no_long_one(tmp_path: Path) -> None:
    async with profiler(tmp_path) as made:
        await made.profiler.start(("blocking",), 500.0, 60.0)
        while made.profiler.status().samples < 100:
            sum(range(500))
            await asyncio.sleep(0)
        capture = await made.profiler.stop()
    assert all("sum" not in each.name for step in capture.steps for each in step.functions)
    assert sum(step.seconds for step in capture.steps) < capture.seconds / 2


async def test_tasks_state_what_they_await(tmp_path: Path) -> None:
    forever = asyncio.Event()

    async def inner() -> None:
        await forever.wait()

    async def outer(of: asyncio.Task[None]) -> None:
        await of

    first = asyncio.create_task(inner(), name="inner 1")
    others = [asyncio.create_task(outer(first), name=f"outer {number}") for number in range(3)]
    async with profiler(tmp_path) as made:
        await made.profiler.start(("tasks",), seconds=60.0)
        capture = await made.profiler.stop()
    forever.set()
    await asyncio.gather(first, *others)
    assert capture.tasks is not None
    rows = {row.name: row for row in capture.tasks.rows}
    assert (rows["outer #"].count, rows["outer #"].awaits) == (3, "task inner #")
    assert rows["inner #"].awaits == "future"
    assert "inner" in rows["inner #"].chain[0]
    assert "wait" in rows["inner #"].chain[1]


async def test_memory_names_the_line_that_holds_it_and_tracing_ends(tmp_path: Path) -> None:
    async with profiler(tmp_path) as made:
        await made.profiler.start(("memory",), seconds=60.0)
        assert tracemalloc.is_tracing()
        held = [bytes(1000) for _ in range(5000)]
        capture = await made.profiler.stop()
    assert not tracemalloc.is_tracing()
    assert capture.memory is not None
    assert "test_profiler.py" in capture.memory.lines[0].place
    assert capture.memory.lines[0].size >= sum(map(len, held))


async def test_it_stops_by_itself(tmp_path: Path) -> None:
    async with profiler(tmp_path) as made:
        await made.profiler.start(("cpu",), 100.0, 0.1)
        await until(lambda: any(isinstance(each, ProfilerStopped) for each in made.events))
    started, stopped = made.events
    assert isinstance(started, ProfilerStarted)
    assert isinstance(stopped, ProfilerStopped)
    assert (stopped.reason, len(stopped.files), stopped.problem) == ("its time is up", 3, "")
    assert not made.profiler.status().running


async def test_a_second_start_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    async with profiler(tmp_path) as made:
        both = await asyncio.gather(
            made.profiler.start(("cpu",)), made.profiler.start(("cpu",)), return_exceptions=True
        )
        (refused,) = [each for each in both if isinstance(each, BadInput)]
        assert "runs already" in str(refused)
        with pytest.raises(BadInput, match="runs already"):
            await made.profiler.start(("memory",))
        assert made.profiler.status().running
        assert await asyncio.gather(made.profiler.stop(), made.profiler.stop())
    with pytest.raises(NotFound, match="does not run"):
        await made.profiler.stop()


@pytest.mark.parametrize(
    ("kinds", "rate", "seconds", "field"),
    [
        (("cpu",), 1e9, 1.0, "rate"),
        (("cpu",), 0.0, 1.0, "rate"),
        (("cpu",), -1.0, 1.0, "rate"),
        (("cpu",), float("nan"), 1.0, "rate"),
        (("cpu",), 100.0, 0.0, "seconds"),
        (("cpu",), 100.0, float("inf"), "seconds"),
        ((), 100.0, 1.0, "kinds"),
        (("gpu",), 100.0, 1.0, "kinds"),
    ],
)
async def test_values_out_of_bounds_are_refused_with_their_field(
    tmp_path: Path, kinds: tuple[str, ...], rate: float, seconds: float, field: str
) -> None:
    async with profiler(tmp_path) as made:
        with pytest.raises(BadInput) as caught:
            await made.profiler.start(kinds, rate, seconds)
        assert caught.value.field == field
        assert not made.profiler.status().running
        with pytest.raises(NotFound, match="captured yet"):
            made.profiler.rendered("markdown")


async def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_captured(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    async with profiler(tmp_path / "file") as made:
        with pytest.raises(BadInput) as caught:
            await made.profiler.start(("cpu",))
        assert caught.value.field == "profiler.folder"
        assert not made.events


async def test_a_folder_that_fails_meanwhile_costs_no_capture(tmp_path: Path) -> None:
    folder = tmp_path / "profiler"
    async with profiler(folder) as made:
        await made.profiler.start(("cpu",), 500.0)
        folder.rmdir()
        folder.write_text("not a folder")
        await until(lambda: made.profiler.status().samples >= 5)
        capture = await made.profiler.stop()
    assert capture.samples >= 5
    assert "cannot be written" in made.profiler.status().problem
    (notice,) = [each for each in made.events if isinstance(each, Notice)]
    assert "profiler.folder" in notice.remedy
    assert made.profiler.rendered("speedscope").startswith("{")


async def test_a_capture_that_fails_is_over_for_everybody_and_measures_no_more(tmp_path: Path) -> None:
    async with profiler(tmp_path) as made:
        await made.profiler.start(("cpu", "memory", "blocking"), seconds=60.0)
        tracemalloc.stop()  # by the program that the engine is a part of
        with pytest.raises(RuntimeError, match="must be tracing"):
            await made.profiler.stop()
        assert not made.profiler.status().running
        (stopped,) = [each for each in made.events if isinstance(each, ProfilerStopped)]
        assert (stopped.reason, stopped.samples) == ("stopped", 0)
        assert "must be tracing" in stopped.problem
        assert "profiler" not in {each.name for each in threading.enumerate()}
        await made.profiler.start(("cpu",), seconds=60.0)
        assert (await made.profiler.stop()).kinds == ("cpu",)


async def test_closing_at_once_during_a_stop_ends_all_that_measures(tmp_path: Path) -> None:
    async with profiler(tmp_path) as made:
        await made.profiler.start(("memory", "cpu"), seconds=60.0)
        made.asked.clear()
        made.measured.clear()
        stopping = asyncio.create_task(made.profiler.stop())
        await made.asked.wait()
        await made.profiler.aclose(at_once=True)
        await asyncio.wait([stopping])
    assert not tracemalloc.is_tracing()
    assert not made.profiler.status().running
    assert "profiler" not in {each.name for each in threading.enumerate()}


@pytest.mark.parametrize("at_once", [False, True])
async def test_a_start_that_meets_the_end_of_the_engine_captures_nothing(tmp_path: Path, at_once: bool) -> None:
    async with profiler(tmp_path) as made:
        made.measured.clear()
        starting = asyncio.create_task(made.profiler.start(("cpu",), seconds=60.0))
        await made.asked.wait()
        await made.profiler.aclose(at_once=at_once)
        made.measured.set()
        with pytest.raises(Overloaded, match="engine stops"):
            await starting
        assert not made.profiler.status().running
        assert not made.events
    assert "profiler" not in {each.name for each in threading.enumerate()}


def test_stacks_are_bounded_in_number_and_depth() -> None:
    counter = StackCounter(most=1)
    code = burn.__code__
    for codes in ([code], [code, code], [code]):
        counter.add("t", codes)
    assert [(stack.count, len(stack.functions)) for stack in counter.stacks()] == [(2, 1)]
    assert counter.other == 1
    assert MOST_DEPTH <= 100


def test_the_operation_has_the_bounds_of_the_settings() -> None:
    bounds = {
        name: (schema[0]["minimum"], schema[0]["maximum"])
        for name, schema in (
            (name, each["anyOf"]) for name, each in _schema()["properties"].items() if name in {"rate", "seconds"}
        )
    }
    assert bounds == {
        "rate": (schema_profiler.LEAST_RATE, schema_profiler.MOST_RATE),
        "seconds": (schema_profiler.LEAST_S, schema_profiler.LONGEST_S),
    }
    assert set(StartProfiler().kinds) < set(KINDS)
    assert Settings().captures.name == "profiler"


def _schema() -> dict[str, dict[str, dict[str, list[dict[str, float]]]]]:
    import msgspec

    (schema,) = msgspec.json.schema(StartProfiler)["$defs"].values()
    found: dict[str, dict[str, dict[str, list[dict[str, float]]]]] = schema
    return found
