"""Group `turn`: pooled turns of the real CLI against the plain ways, and what the engine adds to a turn.

All run on one offline model in a process of its own, in turns within one run; its CPU time counts for nobody.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path

from engine.backends.base import AgentCommand, AgentSpec
from engine.backends.binary import find_claude
from engine.bench.baseline import Ask, WrongAnswer, has_sdk, held_open, one_process, sdk_query
from engine.bench.cpu import Meter, Spent
from engine.bench.figures import Figure, at_most, figure, p50, ratio_at_least, skipped
from engine.bench.fixtures import claude_settings, offline_model, running
from engine.bench.trees import tree_reading
from engine.engine import Engine
from engine.pool.routing import LeaseRequest
from engine.requests import Request
from engine.sessions.turn import TurnOrder

IN_FLIGHT = 8
WORDS = 40
"""Words of each answer, which come as so many partial messages."""

_THROUGHPUT = "≥ 8 times"
_OVERHEAD_CPU_MS, _OVERHEAD_P50_MS = 1.0, 2.0
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Size:
    """How much is measured: rounds of each way, prompts a round, blocks and turns of the other measures."""

    rounds: int = 3
    plain: int = 16
    pooled: int = 96
    blocks: int = 6
    turns: int = 25
    renewed: int = 5
    readings: int = 30


FULL, QUICK = Size(), Size(rounds=1, plain=8, pooled=64, blocks=4, turns=12, renewed=3)


@dataclass
class Way:
    """One way of asking, and what it took so far."""

    name: str
    ask: Ask
    latencies: list[float] = field(default_factory=list)
    spent: Spent = field(default_factory=Spent)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.spent.wall

    @property
    def cpu(self) -> float:
        """CPU seconds an answer."""
        return self.spent.cpu / len(self.latencies)


def measure(folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:
    """All figures of the group; `folder` takes the homes and workspaces. Skipped without a CLI."""
    progress("reading 100 trees")
    rows = [asyncio.run(tree_reading(size.readings))]
    binary = find_claude(None)
    if binary is None:
        why = "no Claude Code CLI; `pip install 'quarterdeck[claude]'` brings one"
        return [
            *rows,
            skipped("pooled throughput", why, _THROUGHPUT),
            skipped("engine CPU added", why),
            skipped("p50 added", why),
        ]
    return [*rows, *asyncio.run(_measure(binary, folder, size, seed, progress))]


async def _measure(binary: Path, folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:
    async with offline_model(seed) as url:
        sizes = [f"session_pool.min_size={IN_FLIGHT}", f"session_pool.max_size={IN_FLIGHT}"]
        progress("warming the pool")
        with running(claude_settings(folder, binary, url, sizes)) as thread:
            return await asyncio.wrap_future(thread.call(_on_engine(thread.engine, size, seed, progress)))


async def _on_engine(engine: Engine, size: Size, seed: int, progress: Progress) -> list[Figure]:
    while engine.pool.statistics().idle < IN_FLIGHT:  # noqa: ASYNC110 - the pool announces it to nobody
        await asyncio.sleep(0.05)
    profile = engine.profiles.find("default", "default")
    command = engine.backend.command(AgentSpec("bench", profile, str(uuid.uuid4()), resume=False))
    rows = await _throughput(engine, command, size, seed, progress)
    added = await _overhead(engine, command, size, seed, progress)
    renewed = await _renewed(engine, size, seed, progress)
    return [*rows, *added, *renewed, *await _accounted(engine, size, seed, progress)]


# pooled against the plain ways


async def _throughput(engine: Engine, command: AgentCommand, size: Size, seed: int, progress: Progress) -> list[Figure]:
    single = Way("one `claude -p` a prompt", one_process(command))
    query = Way("claude_agent_sdk.query()", sdk_query(command)) if has_sdk() else None
    cleared = Way("pooled, /clear between prompts", pooled(engine))
    talks = Way("pooled, in conversations", pooled(engine))
    ways = [single, *([query] if query is not None else []), cleared, talks]
    numbers = count(seed)
    for round_ in range(size.rounds):
        for way in ways:
            progress(f"{way.name}, round {round_ + 1} of {size.rounds}")
            if way is talks:
                way.ask = pooled(engine, await conversations(engine))
            prompts = size.pooled if way in (cleared, talks) else size.plain
            await _run(way, prompts, numbers, [session.pid for session in engine.pool.sessions.values()])
    return _compare(single, query, cleared, talks)


async def _run(way: Way, prompts: int, numbers: count[int], sessions: Sequence[int]) -> None:
    """Ask so many prompts, 8 in flight."""
    left = iter([next(numbers) for _ in range(prompts)])

    async def worker() -> None:
        for number in left:
            await _timed(way, number)

    meter = Meter(sessions)
    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(worker())
    way.spent.add(meter.read())


async def _timed(way: Way, number: int) -> None:
    began = time.perf_counter()
    text = await way.ask(f"[[words: {WORDS}]] {number}")
    way.latencies.append(time.perf_counter() - began)
    if len(text.split()) != WORDS:
        raise WrongAnswer(f"{way.name} answered {len(text.split())} words instead of {WORDS}: {text[:200]}")


def pooled(engine: Engine, held: Sequence[str] = ()) -> Ask:
    """Through the dispatcher: each prompt for itself, or in one of some conversations that are free in turn."""
    free: asyncio.Queue[str] = asyncio.Queue()
    for conversation in held:
        free.put_nowait(conversation)

    async def ask(prompt: str) -> str:
        conversation = await free.get() if held else ""
        request = Request(id=str(uuid.uuid4()), prompt=prompt, conversation=conversation)
        try:
            return (await engine.submit(request)).text
        finally:
            if held:
                free.put_nowait(conversation)

    return ask


async def conversations(engine: Engine) -> list[str]:
    """One conversation in each of the sessions."""
    requests = [Request(id=f"open{n}-{uuid.uuid4()}", prompt="[[words: 3]]") for n in range(IN_FLIGHT)]
    answers = await asyncio.gather(*(engine.submit(request) for request in requests))
    return [answer.conversation for answer in answers]


def _compare(single: Way, query: Way | None, cleared: Way, talks: Way) -> list[Figure]:
    rows = [figure("throughput, plain", single.rate, "turns/s", against=single.name)]
    if query is not None:
        rows.append(
            figure("throughput, SDK", query.rate, "turns/s", against=single.name, ratio=query.rate / single.rate)
        )
    else:
        rows.append(skipped("throughput, SDK", "claude-agent-sdk is not installed; extra `bench`"))
    bases = [single] if query is None else [single, query]
    for way in (talks, cleared):
        for base in bases:
            name = f"throughput, {way.name}"
            rows.append(ratio_at_least(name, way.rate, "turns/s", base.rate, 8, against=base.name))
    ways = [*bases, cleared, talks]
    for way in ways:
        latency, plain = p50(way.latencies), p50(single.latencies)
        rows.append(figure(f"p50, {way.name}", latency, "ms", against=single.name, ratio=latency / plain))
    for way in ways:
        ratio = way.cpu / single.cpu
        rows.append(figure(f"CPU a prompt, {way.name}", way.cpu, "s", against=single.name, ratio=ratio))
    return rows


# a process that is cleared for the next conversation against another process in its place


async def _renewed(engine: Engine, size: Size, seed: int, progress: Progress) -> list[Figure]:
    """One prompt at a time, each in a conversation of its own, on a pool whose places are all taken."""
    cleared, replaced = Way("a cleared session", pooled(engine)), Way("a replaced session", pooled(engine))
    numbers = count(seed)
    for block in range(size.blocks):
        progress(f"cleared and replaced, block {block + 1} of {size.blocks}")
        for _ in range(size.renewed):
            await _timed(cleared, next(numbers))
        for _ in range(size.renewed):
            _bind(engine)
            await _timed(replaced, next(numbers))
    clear, replace = p50(cleared.latencies), p50(replaced.latencies)
    return [
        figure("p50, a turn on a cleared session", clear, "ms", against=replaced.name, ratio=clear / replace),
        figure("p50, a turn on a replaced session", replace, "ms", against=cleared.name, ratio=replace / clear),
    ]


def _bind(engine: Engine) -> None:
    """No session may serve another conversation any more."""
    for name, session in engine.pool.sessions.items():
        session.keep_to_one("measured")
        engine.pool.index.engage(name, engaged=False, single_use=True)


# the engine against the bare held-open process


async def _overhead(engine: Engine, command: AgentCommand, size: Size, seed: int, progress: Progress) -> list[Figure]:
    conversation = (await engine.submit(Request(id="overhead", prompt="[[words: 3]]"))).conversation
    numbers = count(seed)
    async with held_open(command) as bare_ask:
        await bare_ask("[[words: 3]]")
        bare = Way("bare held-open process", bare_ask)
        through = Way("through the dispatcher", pooled(engine, [conversation]))
        for block in range(size.blocks):
            progress(f"overhead, block {block + 1} of {size.blocks}")
            for way in (bare, through) if block % 2 else (through, bare):
                meter = Meter()
                for _ in range(size.turns):
                    await _timed(way, next(numbers))
                way.spent.add(meter.read())
    return _added(bare, through)


def _added(bare: Way, through: Way) -> list[Figure]:
    own, plain = (1e3 * way.spent.own / len(way.latencies) for way in (through, bare))
    late, early = p50(through.latencies), p50(bare.latencies)
    turn = f"a turn of {WORDS} partial messages"
    reader, speed = f"reading a {bare.name}: {plain:.3g} ms", f"{bare.name}: {early:.3g} ms"
    return [
        figure(f"CPU of the engine's process, {turn}", own, "ms", against=reader, ratio=own / plain),
        at_most(f"engine CPU added, {turn}", own - plain, "ms", _OVERHEAD_CPU_MS, against=reader, ratio=own / plain),
        at_most(f"p50 added, {turn}", late - early, "ms", _OVERHEAD_P50_MS, against=speed, ratio=late / early),
    ]


# where the CPU of a cleared session goes


async def _accounted(engine: Engine, size: Size, seed: int, progress: Progress) -> list[Figure]:
    """CPU of one agent, by what it does: it is cleared, moves to its next directory, and answers."""
    progress("the CPU of a cleared session")
    lease = await engine.pool.lease(LeaseRequest(engine.profiles.find("default", "default"), "bench"))
    session, numbers = lease.session, count(seed)
    spent: dict[str, list[float]] = {
        "`/clear` and the move to a directory of its own": [],
        "the first turn after it": [],
        "a further turn": [],
    }

    async def turn() -> None:
        order = TurnOrder(request=str(uuid.uuid4()), prompt=f"[[words: {WORDS}]] {next(numbers)}")
        outcome = await session.run(order)
        if not outcome.ok:
            raise WrongAnswer(outcome.reason)

    try:
        for work, seconds in zip(cycle((session.clear, turn, turn)), cycle(spent.values()), strict=True):
            if len(seconds) == size.turns:
                break
            meter = Meter([session.pid])
            await work()
            seconds.append(meter.read().agents)
    finally:
        engine.pool.release(lease)
    return [figure(f"CPU of the agent, {name}", p50(found), "ms") for name, found in spent.items()]
