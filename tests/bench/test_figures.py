"""Rows of a benchmark: what holds, what misses, what was skipped."""

from __future__ import annotations

import pytest

from engine.bench.figures import Figure, at_most, figure, ratio_at_least, skipped


@pytest.mark.parametrize(("value", "ok"), [(0.999, True), (1.0, True), (1.001, False)])
def test_a_limit_holds_up_to_itself(value: float, ok: bool) -> None:
    row = at_most("engine CPU", value, "ms", 1.0)
    assert (row.ok, row.budget) == (ok, "≤ 1 ms")


@pytest.mark.parametrize(("value", "ok"), [(8.0, True), (7.99, False)])
def test_a_ratio_is_to_what_it_was_measured_against(value: float, ok: bool) -> None:
    row = ratio_at_least("throughput", value * 2.5, "turns/s", 2.5, 8, against="claude -p")
    assert (row.ok, row.against, row.budget) == (ok, "claude -p", "≥ 8 times")
    assert row.ratio == pytest.approx(value)


def test_a_skipped_figure_is_no_success_and_no_number() -> None:
    row = skipped("throughput", "no CLI", "≥ 8 times")
    assert (row.value, row.ratio, row.ok) == (None, None, False)
    assert row.against == "skipped: no CLI"


def test_a_figure_without_a_budget_cannot_miss_it() -> None:
    assert figure("p50", 12.34567, "ms", against="bare", ratio=1.0) == Figure("p50", 12.35, "ms", "bare", 1.0)
