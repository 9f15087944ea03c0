"""The scaler on a virtual clock: what it promises on any load, and that it never flaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from engine.pool.scaler import ScaleDecision, Scaler
from engine.pool.scaling_policies import Load, ScalerLimits

LIMITS = ScalerLimits(min_size=2, max_size=40, cooldown=30.0, window=120.0, step_up=8, step_down=2)


class Scene:
    """A pool that has at once the size that was decided; one decision a second."""

    def __init__(self, limits: ScalerLimits = LIMITS, size: int = 2) -> None:
        self.scaler = Scaler()
        self.limits = limits
        self.now = 5000.0
        self.decisions: list[ScaleDecision] = []
        self.size = size

    def load(self, wanted: int, **more: float) -> Load:
        busy = min(wanted, self.size)
        given = {"now": self.now, "busy": busy, "waiting": wanted - busy, "size": self.size}
        return Load(**{**given, **more})

    def decide(self, wanted: int, **more: float) -> ScaleDecision:
        decision = self.scaler.decide(self.load(wanted, **more), self.limits)
        self.decisions.append(decision)
        self.size = decision.target
        self.now += 1.0
        return decision

    def run(self, demand: Callable[[int], int], seconds: int) -> list[int]:
        """The sizes of so many seconds."""
        return [self.decide(demand(second)).target for second in range(seconds)]


def turns_of(sizes: Sequence[int]) -> int:
    """How often a series that rose falls, or one that fell rises."""
    steps = [after - before for before, after in pairwise(sizes) if after != before]
    return sum((one > 0) != (other > 0) for one, other in pairwise(steps))


def test_a_step_of_load_is_followed_in_steps_and_never_undone() -> None:
    sizes = Scene().run(lambda second: 0 if second < 5 else 20, 600)
    assert sizes[:7] == [2, 2, 2, 2, 2, 10, 18]
    assert sizes[7] == 25
    assert set(sizes[7:]) == {25}


def test_a_burst_goes_up_once_and_comes_down_once() -> None:
    sizes = Scene().run(lambda second: 20 if second < 5 else 0, 900)
    assert max(sizes) == 25
    assert sizes[-1] == 2
    assert turns_of(sizes) == 1


def test_a_sawtooth_within_the_window_moves_nothing_after_its_first_tooth() -> None:
    sizes = Scene().run(lambda second: second % 60 // 3, 3600)
    assert set(sizes[120:]) == {max(sizes)}
    assert turns_of(sizes) == 0


def test_silence_moves_nothing() -> None:
    assert set(Scene().run(lambda _second: 0, 600)) == {2}


def test_a_load_that_rests_between_the_thresholds_moves_nothing() -> None:
    scene = Scene(size=10)
    assert set(scene.run(lambda second: 4 + second % 4, 1000)) == {10}
    assert "between the thresholds" in scene.decisions[-1].reason


@given(st.lists(st.integers(0, 60), min_size=1, max_size=300), st.integers(0, 40))
def test_whatever_the_load_bounds_steps_cooldown_and_window_hold(demand: list[int], size: int) -> None:
    limits = replace(LIMITS, window=20.0, cooldown=7.0)
    scene, before, changed_at = Scene(limits, size), size, float("-inf")
    needed: list[tuple[float, int]] = []
    for wanted in demand:
        now, decision = scene.now, scene.decide(wanted)
        needed.append((now, min(wanted, limits.max_size)))
        assert limits.min_size <= decision.target <= limits.max_size
        assert decision.target <= max(before + limits.step_up, limits.min_size)
        assert decision.change == decision.target - before
        if decision.target < min(before, limits.max_size):
            assert before - decision.target <= limits.step_down
            assert now - changed_at >= limits.cooldown
            assert decision.target >= max(n for at, n in needed if now - at <= limits.window)
        changed_at = now if decision.target != before else changed_at
        before = decision.target


def test_a_waiter_is_answered_by_the_very_next_decision() -> None:
    scene = Scene(size=4)
    scene.run(lambda _second: 4, 3)
    decision = scene.decide(6)
    assert decision.change > 0
    assert decision.load.needed == 6


def test_the_first_session_of_an_empty_pool_is_started_in_spite_of_every_brake() -> None:
    scene = Scene(replace(LIMITS, min_size=0), size=0)
    assert scene.decide(1, memory=1.0, cpu=1.0).target >= 1


def test_scarce_memory_or_cpu_stops_growth_and_is_named() -> None:
    for brake, word in (({"memory": 0.99}, "memory 99%"), ({"cpu": 0.99}, "CPU 99%")):
        scene = Scene(size=4)
        decision = scene.decide(20, **brake)
        assert decision.change == 0
        assert word in decision.reason
        assert scene.scaler.ceiling(scene.load(20, **brake), LIMITS) == (4, decision.reason)
        assert scene.decide(20).change > 0


def test_cpu_that_is_spent_on_starts_is_no_brake() -> None:
    scene = Scene(size=4)
    assert scene.decide(20, cpu=0.99, starting=1).change > 0


def test_the_minimum_holds_in_spite_of_a_brake() -> None:
    assert Scene(replace(LIMITS, min_size=6), size=4).decide(30, memory=0.99).target == 6


def test_a_bound_is_named_when_it_is_what_decides() -> None:
    top = Scene(replace(LIMITS, max_size=5), size=4).decide(40)
    assert (top.target, top.reason.endswith("max_size is 5")) == (5, True)
    assert Scene(size=0).decide(0).reason.endswith("min_size is 2")


def test_a_size_by_hand_is_kept_whatever_the_load_until_it_is_taken_back() -> None:
    scene = Scene(size=4)
    scene.scaler.ask(7)
    assert scene.scaler.asked == 7
    assert set(scene.run(lambda second: second % 30, 200)) == {7}
    assert scene.decisions[-1].reason == "asked for by hand"
    assert scene.scaler.ceiling(scene.load(20), LIMITS)[0] == 7
    scene.scaler.ask(None)
    assert scene.decide(20).target > 7


def test_without_autoscaling_the_size_stays_and_only_a_minimum_or_maximum_moves_it() -> None:
    off = replace(LIMITS, enabled=False)
    scene = Scene(off, size=6)
    assert set(scene.run(lambda second: second % 30, 300)) == {6}
    assert scene.scaler.ceiling(scene.load(20), off) == (6, "autoscaling is off")
    scene.limits = replace(off, max_size=3)
    assert scene.decide(6).target == 3


def test_without_autoscaling_an_empty_pool_still_serves_somebody() -> None:
    scene = Scene(replace(LIMITS, enabled=False, min_size=0), size=0)
    assert scene.scaler.ceiling(scene.load(3), scene.limits)[0] == 1


def test_an_up_threshold_of_zero_asks_for_what_is_needed_and_no_more() -> None:
    assert Scene(replace(LIMITS, up=0.0), size=2).decide(5).target == 5


def test_a_memory_target_in_bytes_bounds_what_the_sessions_take_together() -> None:
    gib = 1024**3
    scene = Scene(replace(LIMITS, target_memory=8.0 * gib), size=4)
    assert scene.decide(6, memory=0.99, memory_bytes=7 * gib).target > 4
    full = Scene(replace(LIMITS, target_memory=8.0 * gib), size=4)
    decision = full.decide(6, memory=0.1, memory_bytes=9 * gib)
    assert (decision.target, decision.reason) == (4, "the sessions take 9216 MiB, above the target 8192 MiB")
    assert full.scaler.ceiling(full.load(6, memory_bytes=9 * gib), full.limits)[0] == 4
