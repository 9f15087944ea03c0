"""The pool's size, live: warm spares, scaling by hand and by load."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import BadInput, DeadlinePassed, SettingsError
from engine.engine import Engine
from engine.events.types import PoolScaled, SessionEnded
from tests.pool.pools import MANY, Conversation, RecordedEvents, leases, request
from tests.support.engines import running
from tests.support.operations import autoscale
from tests.support.processes import until

WARM = (*MANY, "session_pool.warm=2")


async def pass_time(engine: Engine, clock: ManualClock, seconds: int) -> None:
    """So many ticks, each with all that it begins."""
    for _ in range(seconds):
        clock.advance(1.0)
        engine.pool.reconcile()
        await until(lambda: all(member.stays and not member.starting for member in engine.pool.members.values()))


async def test_a_warm_hit_starts_nothing_and_the_spare_is_replaced_after_a_random_while(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, *WARM, "session_pool.warm_jitter=10s", clock=clock) as engine:
        await pass_time(engine, clock, 21)
        assert (engine.pool.statistics().warm, engine.pool.statistics().counts.starts) == (2, 2)
        answer = await Conversation(engine).ask("hello")
        statistics = engine.pool.statistics()
        assert answer.queued == 0.0
        assert (statistics.counts.warm_hits, statistics.counts.starts, statistics.warm) == (1, 2, 1)
        engine.pool.reconcile()
        assert engine.pool.statistics().counts.starts == 2
        await pass_time(engine, clock, 11)
        assert (engine.pool.statistics().warm, engine.pool.statistics().counts.starts) == (2, 3)


async def test_spares_are_neither_surplus_nor_churned_however_long_nothing_happens(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, *WARM, "session_pool.idle_timeout=30s", clock=clock) as engine:
        await pass_time(engine, clock, 5)
        told = RecordedEvents(engine)
        await pass_time(engine, clock, 600)
        assert engine.pool.statistics().warm == 2
        assert told.of(SessionEnded) == []
        assert len({event.target for event in told.of(PoolScaled)}) <= 1


async def test_spares_of_a_profile_are_its_own(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, *MANY, "profiles={big: {warm: 2}}", clock=clock) as engine:
        await pass_time(engine, clock, 5)
        assert {member.request.profile.name for member in engine.pool.members.values()} == {"big"}
        answer = await Conversation(engine).ask("hello")
        assert engine.pool.statistics().counts.warm_hits == 0
        await Conversation(engine).ask("hello", profile="big")
        assert engine.pool.statistics().counts.warm_hits == 1
        assert answer.queued >= 0.0


async def test_a_size_by_hand_is_exact_and_counts_the_spares(tmp_path: Path) -> None:
    clock = ManualClock()
    async with running(tmp_path, *WARM, clock=clock) as engine:
        await pass_time(engine, clock, 5)
        assert engine.pool.scale(3) == 3
        await until(lambda: engine.pool.statistics().idle == 3)
        starts = engine.pool.statistics().counts.starts
        await pass_time(engine, clock, 100)
        assert (engine.pool.statistics().size, engine.pool.statistics().counts.starts) == (3, starts)
        taken = await leases(engine, 3)
        with pytest.raises(DeadlinePassed, match="3 sessions were asked for"):
            await engine.pool.lease(request(engine), timeout=0.05)
        for lease in taken:
            engine.pool.release(lease)
        assert engine.pool.scale(1) == 1
        await until(lambda: engine.pool.statistics().size == 1)
        await autoscale(engine, True, "test")
        await pass_time(engine, clock, 5)
        assert engine.pool.statistics().warm == 2


async def test_the_pool_follows_its_load_up_at_once_and_down_after_the_window(tmp_path: Path) -> None:
    clock = ManualClock()
    calm = ("session_pool.auto_scaling.window=60s", "session_pool.auto_scaling.cooldown=10s")
    async with running(tmp_path, *MANY, *calm, clock=clock) as engine:
        told = RecordedEvents(engine)
        taken = await leases(engine, 6)
        for lease in taken:
            engine.pool.release(lease)
        await pass_time(engine, clock, 55)
        assert engine.pool.statistics().size == 6
        await pass_time(engine, clock, 90)
        await until(lambda: engine.pool.statistics().size == 0)
        sizes = [event.target for event in told.of(PoolScaled)]
        peak = sizes.index(max(sizes))
        assert sizes[:peak] == sorted(sizes[:peak])
        assert max(sizes) == 6
        assert sizes[-1] == 0


async def test_autoscaling_is_switched_off_and_on_live_and_the_change_is_in_the_history(tmp_path: Path) -> None:
    async with running(tmp_path, *MANY) as engine:
        taken = await leases(engine, 2)
        await autoscale(engine, False, "ana")
        with pytest.raises(DeadlinePassed, match="autoscaling is off"):
            await engine.pool.lease(request(engine), timeout=0.05)
        await autoscale(engine, True, "ana")
        await autoscale(engine, True, "ana")
        taken.append(await engine.pool.lease(request(engine)))
        assert [record.who for record in engine.live.history] == ["ana", "ana"]
        for lease in taken:
            engine.pool.release(lease)


@pytest.mark.parametrize("size", [-1, 1, 11, 10**9])
async def test_a_size_out_of_bounds_is_refused_with_its_remedy_and_changes_nothing(tmp_path: Path, size: int) -> None:
    async with running(tmp_path, "session_pool.min_size=2") as engine:
        await until(lambda: engine.pool.statistics().idle == 2)
        with pytest.raises(BadInput, match=f"cannot be scaled to {size}: it may have 2 to 10 sessions") as refusal:
            engine.pool.scale(size)
        assert refusal.value.field == "target"
        assert "session_pool.max_size" in refusal.value.remedy
        assert (engine.pool.statistics().target, engine.pool.statistics().size) == (2, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"session_pool.min_size": 20}, "session_pool.min_size = 20"),
        ({"session_pool.auto_scaling.scale_up_threshold": 1.5}, "scale_up_threshold = 1.5"),
        ({"session_pool.auto_scaling.scale_up_threshold": -0.1}, "scale_up_threshold = -0.1"),
        ({"session_pool.auto_scaling.scale_down_threshold": 1.0}, "is not below"),
        ({"session_pool.limits.memory_soft": "3GiB"}, "memory_soft"),
        ({"session_pool.load_balancing.strategy": "no balancer!"}, "strategy"),
        ({"session_pool.max_starting": 0}, "max_starting = 0"),
    ],
)
async def test_settings_that_contradict_or_overstep_are_refused_and_the_pool_unharmed(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    async with running(tmp_path) as engine:
        before = engine.settings
        with pytest.raises(SettingsError) as refusal:
            engine.live.propose({**changes, "session_pool.max_size": 12}, "test")
        assert words in str(refusal.value)
        assert engine.settings is before
        assert (await Conversation(engine).ask("hello")).text == "Echo: hello"
