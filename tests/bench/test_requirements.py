"""Group `requirements`: every line of F8 has a row by its name; how users, tasks and wrong answers count."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.bench import requirements
from engine.bench.baseline import WrongAnswer
from engine.bench.capacity import Load, capacity, slowest
from engine.bench.requirement_rounds import TaskCount, crowd
from engine.bench.requirements import NAMES
from engine.bench.turn import WORDS
from engine.bench.workers import waiting_tasks


def test_without_a_cli_every_line_is_named_and_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "find_claude", lambda _given: None)
    rows = requirements.measure(tmp_path, requirements.QUICK, 0, lambda _what: None)
    assert [row.name for row in rows] == [f"F8 {name}" for name in NAMES]
    assert not any(row.ok for row in rows)
    assert len(NAMES) == 9


@pytest.mark.parametrize("most", [0, 1, 2, 3, 5, 11, 16, 100])
def test_the_most_users_are_found_to_the_step(most: int) -> None:
    tried: list[int] = []

    def carries(users: int) -> bool:
        tried.append(users)
        return users <= most

    found = capacity(carries, 4, 1.15)
    assert found <= most <= max(found, found * 1.15)
    assert len(tried) == len(set(tried)) <= 12


async def test_the_slowest_answers_of_a_load_are_what_its_users_waited() -> None:
    async def late(_prompt: str) -> str:
        answered = asyncio.Event()
        asyncio.get_running_loop().call_later(0.1, answered.set)
        await answered.wait()
        return ""

    async def at_once(_prompt: str) -> str:
        return ""

    load = Load(think=0.001, seconds=0.05)
    assert await slowest(at_once, 4, load, 0) < 0.1 <= await slowest(late, 4, load, 0)


async def test_tasks_are_counted_while_they_are_made_as_ever() -> None:
    loop, counted = asyncio.get_running_loop(), TaskCount()
    loop.set_task_factory(counted)

    async def answer(_prompt: str) -> str:
        return "word " * WORDS

    try:
        took = await crowd(answer, ["a", "b", "c"], 2)
        named = asyncio.create_task(asyncio.sleep(0), name="by name")
        await named
    finally:
        loop.set_task_factory(None)
    assert (len(took), counted.made, named.get_name()) == (3, 3, "by name")


async def test_a_way_that_answers_something_else_is_not_compared() -> None:
    async def answer(_prompt: str) -> str:
        return "an error"

    with pytest.raises(BaseExceptionGroup) as raised:
        await crowd(answer, ["a"])
    assert raised.group_contains(WrongAnswer)


def test_background_work_that_waits_takes_no_task_each() -> None:
    ours, theirs = waiting_tasks(200)
    assert (ours, theirs) == (16, 200)
