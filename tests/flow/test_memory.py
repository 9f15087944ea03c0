"""Buffers that are used again: never another tenant's content, bounded, left out where they do not pay."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine import Engine
from engine.backends.transcript_search import transcript_holds
from engine.memory.buffers import KEPT_MOST, SIZES, BufferPool
from engine.memory.optimizer import optimize
from tests.library.test_library import settings


def test_a_buffer_is_used_again_and_wiped_for_another_tenant() -> None:
    pool = BufferPool()
    with pool.lease(1000, "acme") as view:
        view[:6] = b"secret"
    with pool.lease(1000, "acme") as view:
        assert bytes(view[:6]) == b"secret"  # undefined, but its own
    with pool.lease(1000, "zeta") as view:
        assert bytes(view) == bytes(len(view))
    row = pool.statistics()[0]
    assert (row.made, row.reused, row.zeroed, row.in_use, row.kept) == (1, 2, 1, 0, 1)


def test_a_view_is_of_no_use_after_its_lease() -> None:
    with BufferPool().lease(10, "t") as view:
        pass
    with pytest.raises(ValueError, match="released"):
        _ = view[0]


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_that_cannot_be_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        BufferPool().lease(size, "t")


def test_a_larger_wish_than_any_class_is_met_and_not_kept() -> None:
    pool = BufferPool()
    with pool.lease(SIZES[-1] + 1, "t") as view:
        assert len(view) == SIZES[-1] + 1
    assert pool.oversize == 1
    assert pool.utilization == 0.0


def test_what_is_kept_is_bounded_and_given_back() -> None:
    pool = BufferPool()
    held = [pool.lease(SIZES[0], "t") for _ in range(40)]
    for one in held:
        one.__enter__()
    assert pool.utilization == 1.0
    pool.configure(SIZES[0], reuse_ns=1.0, fresh_ns=2.0)
    for one in held:
        one.__exit__()
    assert pool.statistics()[0].kept == KEPT_MOST
    assert pool.recycle() == KEPT_MOST * SIZES[0]
    assert pool.statistics()[0].kept == 0


def test_a_class_that_does_not_pay_is_left_out_and_comes_back_when_it_does() -> None:
    pool = BufferPool()
    with pool.lease(SIZES[1], "t"):
        pass
    assert pool.configure(SIZES[1], reuse_ns=5.0, fresh_ns=2.0).bypassed
    with pool.lease(SIZES[1], "t"):
        pass
    assert pool.statistics()[1].kept == 0
    pool.configure(SIZES[1], reuse_ns=1.0, fresh_ns=2.0)
    with pool.lease(SIZES[1], "t"):
        pass
    assert pool.statistics()[1].kept == 1


def test_the_optimiser_measures_every_class_and_the_pool_goes_by_it() -> None:
    pool = BufferPool()
    found = {verdict.name: verdict for verdict in optimize(pool)}
    assert list(found) == [f"buffer {size // 1024} KiB" for size in SIZES] + ["message", "session data"]
    for row in pool.statistics():
        verdict = found[f"buffer {row.size // 1024} KiB"]
        assert row.bypassed is verdict.bypassed is (verdict.reuse_ns >= verdict.fresh_ns)
        assert verdict.reuse_ns > 0


@pytest.mark.parametrize("at", [0, 262_140, 262_144, 524_270, 900_000])
def test_a_prompt_is_found_wherever_the_pieces_meet(at: int, tmp_path: Path) -> None:
    path, uuid, pool = tmp_path / "t.jsonl", "0f0e0d0c-1111-2222-3333-444455556666", BufferPool()
    path.write_bytes(b"x" * at + uuid.encode() + b"y" * (1_000_000 - at))
    assert transcript_holds(path, uuid, pool, "t")
    assert not transcript_holds(path, uuid[::-1], pool, "t")
    assert not transcript_holds(tmp_path / "gone", uuid, pool, "t")
    assert pool.statistics()[-1].in_use == 0


def test_only_the_last_4_mib_are_searched(tmp_path: Path) -> None:
    path, pool = tmp_path / "t.jsonl", BufferPool()
    path.write_bytes(b"early" + b"x" * (4 * 1024 * 1024) + b"late")
    assert transcript_holds(path, "late", pool, "t")
    assert not transcript_holds(path, "early", pool, "t")


async def test_a_program_measures_and_gives_back(tmp_path: Path) -> None:
    async with Engine(settings(tmp_path)) as engine:
        assert [row.size for row in engine.memory_pool_stats()] == list(SIZES)
        assert len(await asyncio.wait_for(engine.optimize_pool_sizes(), 30)) == len(SIZES) + 2
        assert engine.recycle_unused_objects() == 0
