"""The rounds of group `requirements` that ask the real CLI: through the engine, and one `claude -p` a prompt."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx

from engine.backends.base import AgentCommand
from engine.bench.baseline import Ask, ResumedCli, WrongAnswer, first_piece, one_process
from engine.bench.comparison import Comparison
from engine.bench.cpu import Meter
from engine.bench.turn import IN_FLIGHT, WORDS, conversations, pooled
from engine.bench.waking import Reader
from engine.engine import Engine
from engine.requests import Request
from engine.thread import EngineThread

_PLAIN = "one `claude -p` a prompt"
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class RoundSize:
    """Prompts of a round: of the plain way, through the engine, and one after the other."""

    plain: int = 16
    pooled: int = 96
    single: int = 8


class TaskCount:
    """Counts the tasks that a loop makes; as a task factory it makes them as asyncio does."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, loop: asyncio.AbstractEventLoop, work: Any, **named: Any) -> asyncio.Task[Any]:
        """Make a task."""
        self.made += 1
        return asyncio.Task(work, loop=loop, **named)


class Rounds:
    """Owner of the comparisons; the plain ways run on a loop of their own, on the thread that calls `measure`."""

    def __init__(
        self, thread: EngineThread, command: AgentCommand, client: httpx.Client, size: RoundSize, seed: int
    ) -> None:
        self._thread, self._engine, self._command, self._client = thread, thread.engine, command, client
        self._size, self._numbers = size, count(seed)
        at_once = f"{IN_FLIGHT} at once"
        self._throughput = Comparison("F8 session throughput", "turns/s", f"{_PLAIN}, {at_once}", 1.3, more=True)
        self._rate = Comparison(
            "F8 message rate", "messages/s", f"one `claude -p --resume` a message, {IN_FLIGHT} conversations", 1.5, True
        )
        self._api = Comparison(
            "F8 API response, p50", "ms", f"{_PLAIN}, without the time of a server that calls it", 0.6
        )
        self._cpu = Comparison("F8 CPU of a prompt", "ms", f"{_PLAIN}, {at_once}", 0.8)
        self._processes = Comparison("F8 tasks, processes begun for a prompt", "processes", _PLAIN, 0.5)
        self._tasks = Comparison("F8 tasks, asyncio tasks made for a prompt", "tasks", _PLAIN, 0.5)
        self._first = Comparison("F8 latency to the first piece, p50", "ms", f"{_PLAIN} that streams", 0.5)

    @property
    def comparisons(self) -> list[Comparison]:
        """All of them, in the requirement's order."""
        return [self._throughput, self._rate, self._api, self._cpu, self._processes, self._tasks, self._first]

    def measure(self, number: int) -> None:
        """One round; which way begins alternates."""
        ways = (self._many_plain, self._many_pooled) if number % 2 else (self._many_pooled, self._many_plain)
        found = {way: way() for way in ways}
        plain, ours = found[self._many_plain], found[self._many_pooled]
        for comparison, mine, theirs in zip(
            (self._throughput, self._cpu, self._tasks, self._processes), ours, plain, strict=True
        ):
            comparison.add(mine, theirs)
        self._rate.add(*self._messages())
        self._api.add(*self._calls())
        self._first.add(*self._first_pieces())

    # prompts that have nothing to do with each other

    def _many_plain(self) -> tuple[float, float, float, float]:
        """Answers a second, CPU in ms, tasks and processes of each."""
        prompts, meter = self._prompts(self._size.plain), Meter()
        made = asyncio.run(_counted(crowd(one_process(self._command), prompts)))
        spent, many = meter.read(), len(prompts)
        return many / spent.wall, 1e3 * spent.cpu / many, made / many, 1.0

    def _many_pooled(self) -> tuple[float, float, float, float]:
        """The same through the engine, whose own work in the meantime is counted too."""
        prompts, record = self._prompts(self._size.pooled), self._engine.pool.record
        sessions = [session.pid for session in self._engine.pool.sessions.values()]
        before, meter = record.snapshot().starts, Meter(sessions)
        tasks = self._thread.run(_counted(crowd(pooled(self._engine), prompts)))
        spent = meter.read()
        many, begun = len(prompts), record.snapshot().starts - before
        return many / spent.wall, 1e3 * spent.cpu / many, tasks / many, begun / many

    # conversations, calls, first pieces

    def _messages(self) -> tuple[float, float]:
        """Messages a second in conversations that go on: ours, and theirs."""
        held = self._thread.run(conversations(self._engine))
        ours = self._thread.run(_timed(crowd(pooled(self._engine, held), self._prompts(self._size.pooled))))
        return self._size.pooled / ours, self._size.plain / asyncio.run(self._messages_plain())

    async def _messages_plain(self) -> float:
        resumed = ResumedCli(self._command)
        free: asyncio.Queue[str] = asyncio.Queue()
        for conversation in await asyncio.gather(*(resumed.begin() for _ in range(IN_FLIGHT))):
            free.put_nowait(conversation)

        async def ask(prompt: str) -> str:
            conversation = await free.get()
            try:
                return await resumed.ask(conversation, prompt)
            finally:
                free.put_nowait(conversation)

        return await _timed(crowd(ask, self._prompts(self._size.plain)))

    def _calls(self) -> tuple[float, float]:
        """Milliseconds of a call that waits for its answer, one at a time."""
        ours = [self._call(prompt) for prompt in self._prompts(self._size.single)]
        plain = asyncio.run(crowd(one_process(self._command), self._prompts(self._size.single), 1))
        return 1e3 * statistics.median(ours), 1e3 * statistics.median(plain)

    def _call(self, prompt: str) -> float:
        began = time.perf_counter()
        answered = self._client.post("/api/prompts", json={"prompt": prompt, "wait": True}, timeout=_PATIENCE_S)
        took = time.perf_counter() - began
        _check(answered.raise_for_status().json()["data"]["prompt"]["text"])
        return took

    def _first_pieces(self) -> tuple[float, float]:
        """Milliseconds to the first piece of an answer that is watched, one at a time."""
        ours = [self._thread.run(_first_of(self._engine, prompt)) for prompt in self._prompts(self._size.single)]
        plain = [asyncio.run(first_piece(self._command, prompt)) for prompt in self._prompts(self._size.single)]
        return 1e3 * statistics.median(ours), 1e3 * statistics.median(plain)

    def _prompts(self, many: int) -> list[str]:
        return [f"[[words: {WORDS}]] {next(self._numbers)}" for _ in range(many)]


async def crowd(ask: Ask, prompts: Iterable[str], at_once: int = IN_FLIGHT) -> list[float]:
    """Seconds that each took, so many at once. Raises WrongAnswer."""
    left, took = iter(prompts), list[float]()

    async def worker() -> None:
        for prompt in left:
            began = time.perf_counter()
            text = await ask(prompt)
            took.append(time.perf_counter() - began)
            _check(text)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())
    return took


def _check(text: str) -> None:
    if len(text.split()) != WORDS:
        raise WrongAnswer(f"An answer has {len(text.split())} words instead of {WORDS}: {text[:200]}")


async def _timed(work: Coroutine[Any, Any, Any]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


async def _counted(work: Coroutine[Any, Any, Any]) -> int:
    """The tasks that the running loop makes while this runs."""
    with _counting() as counted:
        await work
    return counted.made


@contextmanager
def _counting() -> Iterator[TaskCount]:
    loop, counted = asyncio.get_running_loop(), TaskCount()
    before = loop.get_task_factory()
    loop.set_task_factory(counted)
    try:
        yield counted
    finally:
        loop.set_task_factory(before)


async def _first_of(engine: Engine, prompt: str) -> float:
    """Seconds from the request to the first piece of its answer."""
    reader, began = Reader(), time.perf_counter()
    answer = await engine.submit(Request(prompt=prompt), reader)
    _check(answer.text)
    return reader.began + reader.first - began
