"""Both levels of the cache: what is kept where, what goes and why, what survives; its policies beside each other."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.clock import ManualClock
from engine.base.compression import Damaged, pack, unpack
from engine.bench.cache import hit_ratio, with_scans, zipf
from engine.bench.traces import SHAPES
from engine.cache.answers import TieredAnswerCache
from engine.cache.disk import PENDING_MOST, DiskCache, DiskLimits
from engine.cache.eviction_policies import EVICTION_POLICIES
from engine.cache.memory import CacheLimits, Label, MemoryCache
from engine.cache.workspace_digest import workspace_digest
from engine.requests import Answer
from tests.support.processes import until

MIB = 1024**2


def answer(text: str) -> Answer:
    """An answer."""
    return Answer(request="r", text=text, conversation="c", session="s", duration=1.0)


@asynccontextmanager
async def disk(
    path: Path, clock: ManualClock, heard: list[str] | None = None, **limits: float
) -> AsyncIterator[DiskCache]:
    """Level 2 in a file."""
    bounds = DiskLimits(int(limits.get("max_bytes", 8 * MIB)), limits.get("ttl", 100.0))
    cache = DiskCache(path, bounds, clock.wall, (heard if heard is not None else []).append)
    await cache.open()
    try:
        yield cache
    finally:
        await cache.aclose()


def tiered(level2: DiskCache, clock: ManualClock) -> TieredAnswerCache:
    """Both levels."""
    return TieredAnswerCache(MemoryCache(CacheLimits(10, MIB, 100.0)), clock, level2)


async def test_what_memory_lost_is_found_on_disk_and_kept_in_memory_again(tmp_path: Path) -> None:
    clock = ManualClock()
    async with disk(tmp_path / "a.db", clock) as level2:
        cache = tiered(level2, clock)
        await cache.put("k", answer("hello"), label=Label("acme", frozenset({"docs"})))
        cache.memory.clear()
        assert (await cache.get("k") or answer("")).text == "hello"
        assert cache.memory.hits == 0
        assert (await cache.get("k") or answer("")).text == "hello"
        assert (cache.memory.hits, level2.hits) == (1, 1)
        assert await cache.clear("acme", "docs") == 2  # the label came back with it
        assert await cache.get("k") is None


async def test_answers_survive_the_engine_and_their_time_goes_on(tmp_path: Path) -> None:
    clock = ManualClock()
    async with disk(tmp_path / "a.db", clock) as level2:
        await tiered(level2, clock).put("k", answer("hello"), ttl=50.0)
    clock.advance(30.0)
    async with disk(tmp_path / "a.db", clock) as level2:
        cache = tiered(level2, clock)
        assert await cache.get("k") is not None
        clock.advance(21.0)
        assert await cache.get("k") is None
        assert level2.removed["age"] == 1


async def test_one_tenant_neither_deletes_nor_clears_what_another_has(tmp_path: Path) -> None:
    clock = ManualClock()
    async with disk(tmp_path / "a.db", clock) as level2:
        cache = tiered(level2, clock)
        await cache.put("a", answer("a"), label=Label("acme", frozenset({"x"})))
        await cache.put("b", answer("b"), label=Label("zeta", frozenset({"x"})))
        assert not await cache.delete("b", "acme")
        assert await cache.clear("acme", "x") == 2
        assert await cache.get("b") is not None
        assert await cache.delete("b", "zeta")
        assert await cache.get("b") is None


async def test_a_damaged_file_is_moved_aside_and_told_and_the_cache_goes_on(tmp_path: Path) -> None:
    clock, heard, path = ManualClock(), list[str](), tmp_path / "a.db"
    path.write_bytes(b"this is no database" * 1000)
    async with disk(path, clock, heard) as level2:
        cache = tiered(level2, clock)
        await cache.put("k", answer("hello"))
        await level2.flush()
        cache.memory.clear()
        assert await cache.get("k") is not None
    assert any(str(path) in each for each in heard)


async def test_an_entry_that_is_damaged_is_a_miss_and_goes(tmp_path: Path) -> None:
    clock, path = ManualClock(), tmp_path / "a.db"
    async with disk(path, clock) as level2:
        level2.put("k", b"x" * 5000)
        await level2.flush()
        with sqlite3.connect(path) as other:
            other.execute("UPDATE answers SET value = x'0102030405'")
        other.close()
        assert await level2.get("k") is None
        assert level2.removed["damaged"] == 1


async def test_a_folder_that_cannot_be_written_leaves_memory_alone_and_says_so_once(tmp_path: Path) -> None:
    clock, heard = ManualClock(), list[str]()
    (tmp_path / "file").write_text("no folder")
    async with disk(tmp_path / "file" / "a.db", clock, heard) as level2:
        cache = tiered(level2, clock)
        for number in range(3):
            await cache.put(f"k{number}", answer("hello"))
            await level2.flush()
        assert await cache.get("k1") is not None
        assert await cache.get("unknown") is None
    assert len(heard) == 1


async def test_level_2_is_bounded_and_what_was_used_longest_ago_goes(tmp_path: Path) -> None:
    clock = ManualClock()
    async with disk(tmp_path / "a.db", clock, max_bytes=100_000) as level2:
        for number in range(50):
            clock.advance(1.0)
            level2.put(f"k{number:02d}", os.urandom(4000))
            if number == 10:
                await level2.flush()
                assert await level2.get("k00") is not None
        await level2.flush()
        assert level2.facts.size <= 100_000
        assert level2.removed["room"] >= 25
        assert await level2.get("k49") is not None
        assert await level2.get("k01") is None
        level2.put("too large", b"x" * 200_000)
        assert await level2.get("too large") is None


async def test_a_smaller_bound_of_level_2_holds_soon_without_another_answer(tmp_path: Path) -> None:
    clock = ManualClock()
    async with disk(tmp_path / "a.db", clock, max_bytes=1_000_000) as level2:
        for number in range(20):
            level2.put(f"k{number:02d}", os.urandom(4000))
        await level2.flush()
        level2.configure(DiskLimits(20_000, 100.0))
        await until(lambda: level2.facts.size <= 20_000)
        assert level2.removed["room"] >= 15


async def test_while_the_cache_is_off_neither_level_answers_nor_keeps(tmp_path: Path) -> None:
    clock = ManualClock()
    async with disk(tmp_path / "a.db", clock) as level2:
        cache = tiered(level2, clock)
        await cache.put("k", answer("hello"))
        await level2.flush()
        cache.enabled = False
        cache.memory.clear()
        assert await cache.get("k") is None
        await cache.put("other", answer("hello"))
        cache.enabled = True
        assert await cache.get("other") is None
        assert await cache.get("k") is not None


async def test_writes_that_come_while_others_are_written_are_written_too(tmp_path: Path) -> None:
    clock, held, going_on = ManualClock(), threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        going_on.wait(30)

    async with disk(tmp_path / "a.db", clock) as level2:
        level2.put("first", b"v")
        slow = asyncio.get_running_loop().run_in_executor(level2.thread, hold)
        await asyncio.to_thread(held.wait, 30)
        writing = asyncio.create_task(level2.flush())
        await asyncio.sleep(0)
        level2.put("second", b"v")
        level2._write_now()  # its time came while the disk held up the first
        going_on.set()
        await asyncio.gather(slow, writing)
        await until(lambda: level2.facts.entries == 2)
        level2.put("third", b"v")
        await until(lambda: level2.facts.entries == 3)
        assert [await level2.get(key) is not None for key in ("first", "second", "third")] == [True] * 3


async def test_what_a_slow_disk_holds_up_is_bounded(tmp_path: Path) -> None:
    clock, held, going_on = ManualClock(), threading.Event(), threading.Event()

    def hold() -> None:
        held.set()
        going_on.wait(30)

    async with disk(tmp_path / "a.db", clock) as level2:
        slow = asyncio.get_running_loop().run_in_executor(level2.thread, hold)
        await asyncio.to_thread(held.wait, 30)
        for number in range(PENDING_MOST + 7):
            level2.put(f"k{number}", b"v")
        assert level2.removed["held up"] == 7
        going_on.set()
        await slow
        await level2.flush()
        assert level2.facts.entries == PENDING_MOST


async def test_writes_go_in_batches_and_are_read_before_they_are_written(tmp_path: Path) -> None:
    clock, path = ManualClock(), tmp_path / "a.db"
    async with disk(path, clock) as level2:
        for number in range(20):
            level2.put(f"k{number}", b"v")
        assert await level2.get("k7") is not None
        with sqlite3.connect(path) as other:
            assert other.execute("SELECT count(*) FROM answers").fetchone() == (0,)
        await level2.flush()
        with sqlite3.connect(path) as other:
            assert other.execute("SELECT count(*) FROM answers").fetchone() == (20,)
        other.close()


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from engine.cache.disk import PENDING_MOST, DiskCache, DiskLimits

async def main():
    cache = DiskCache(Path(sys.argv[1]), DiskLimits(1 << 24, 1e9), lambda: 1.0, print)
    await cache.open()
    for number in range(300):
        cache.put(f"k{number}", b"value " * 100)
        if number == 200:
            await cache.flush()
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_was_written_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", KILLED, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    async with disk(path, ManualClock(2.0)) as level2:
        assert level2.facts.entries >= 201
        kept = await level2.get("k200")
        assert kept is not None
        assert kept.value == b"value " * 100


@given(st.binary(max_size=5000))
def test_packing_gives_back_what_it_took(data: bytes) -> None:
    assert unpack(pack(data), 5000) == data


def test_packing_pays_or_is_left_out() -> None:
    assert len(pack(b"the same words " * 1000)) < 1500
    noise = os.urandom(4096)
    assert pack(noise) == b"\x00" + noise
    for broken in (b"", b"\x02abc", b"\x01not zstd", pack(b"a" * 5000)[:-4]):
        with pytest.raises(Damaged):
            unpack(broken, 5000)
    with pytest.raises(Damaged, match="it says that it holds"):
        unpack(pack(b"a" * 100_000), 5000)


def test_the_best_policy_beats_lru_by_eight_points_and_loses_none_after_a_shift() -> None:
    static = zipf(160_000, 160_000, 1)
    shifted = static[:80_000] + zipf(80_000, 160_000, 2, first=1_000_000)
    scanned = with_scans(static[:80_000])
    found = {
        name: (
            hit_ratio(make(), static, 1600, 40_000),
            hit_ratio(make(), shifted, 1600, 80_000),
            hit_ratio(make(), scanned, 1600),
        )
        for name, make in EVICTION_POLICIES.items()
    }
    lru, best = found["lru"], found["tinylfu"]
    assert best[0] >= lru[0] + 0.08
    assert best[1] >= lru[1] - 0.01
    assert best[2] >= lru[2] + 0.05
    assert found["lfu"][0] > lru[0] > found["fifo"][0]


@pytest.mark.parametrize("make", SHAPES.values(), ids=SHAPES)
def test_the_best_policy_is_above_lru_on_the_shapes_of_public_traces(make: Callable[[int, int], list[str]]) -> None:
    trace = make(80_000, 1)
    entries = len(set(trace)) // 10
    tinylfu, lru = (hit_ratio(EVICTION_POLICIES[name](), trace, entries) for name in ("tinylfu", "lru"))
    assert tinylfu > lru + 0.03


def test_the_first_of_a_large_full_cache_is_found_without_passing_those_that_went() -> None:
    entries, puts = 40_000, 80_000
    spent = {}
    for name in ("lru", "fifo"):
        cache: MemoryCache[str] = MemoryCache(CacheLimits(entries, 1 << 30, 1e9), EVICTION_POLICIES[name]())
        for number in range(entries):
            cache.put(f"k{number}", "", 1, 0.0)
        began = time.process_time()
        for number in range(entries, entries + puts):
            cache.put(f"k{number}", "", 1, 0.0)
        spent[name] = time.process_time() - began
    assert spent["fifo"] < 3 * spent["lru"]


@pytest.mark.parametrize("name", EVICTION_POLICIES)
@given(acts=st.lists(st.tuples(st.sampled_from(["get", "put", "delete", "switch"]), st.integers(0, 9)), max_size=80))
def test_every_policy_follows_its_cache_whatever_happens(name: str, acts: list[tuple[str, int]]) -> None:
    cache: MemoryCache[str] = MemoryCache(CacheLimits(4, 1000, 100.0), EVICTION_POLICIES[name]())
    for act, number in acts:
        key = f"k{number}"
        match act:
            case "get":
                assert cache.get(key, 0.0) in {None, key}
            case "put":
                cache.put(key, key, 1 + number, 0.0, label=Label("t"))
                assert cache.get(key, 0.0) == key
            case "delete":
                cache.delete(key, "t")
                assert cache.get(key, 0.0) is None
            case _:
                cache.use(EVICTION_POLICIES[name]())
        assert len(cache) <= 4
    for _ in range(len(cache)):
        victim = cache.policy.victim()
        assert cache.delete(victim, "t")
    assert (len(cache), cache.size) == (0, 0)


def test_smaller_bounds_hold_at_once() -> None:
    cache: MemoryCache[str] = MemoryCache(CacheLimits(10, 1000, 100.0))
    for number in range(10):
        cache.put(f"k{number}", "v", 10, 0.0)
    cache.limits = CacheLimits(10, 35, 100.0)
    assert sorted(cache.keys()) == ["k7", "k8", "k9"]
    assert cache.removed["room"] == 7
    assert not cache.put("large", "v", 36, 0.0)


@pytest.mark.parametrize("change", ["write", "new", "delete", "link"])
def test_a_workspace_that_changed_has_another_digest(change: str, tmp_path: Path) -> None:
    changes: dict[str, Callable[[], object]] = {
        "write": lambda: (tmp_path / "a.txt").write_text("other words"),
        "new": lambda: (tmp_path / "b.txt").write_text(""),
        "delete": lambda: (tmp_path / "a.txt").unlink(),
        "link": lambda: (tmp_path / "loop").symlink_to(tmp_path),
    }
    (tmp_path / "a.txt").write_text("words")
    before = workspace_digest(tmp_path)
    assert before == workspace_digest(tmp_path)
    changes[change]()
    assert workspace_digest(tmp_path) not in {None, before}


def test_a_workspace_that_is_too_large_or_gone_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert workspace_digest(tmp_path / "gone") is None
    for number in range(4):
        (tmp_path / f"f{number}").write_text("")
    monkeypatch.setattr("engine.cache.workspace_digest.FILES_MOST", 3)
    assert workspace_digest(tmp_path) is None
