"""Figures beside the plain way's: when rounds agree, what noise and a loss look like, how long they are repeated."""

from __future__ import annotations

import pytest

from engine.bench.comparison import Comparison, repeat


def compared(ratios: list[float], limit: float = 0.6, *, more: bool = False) -> Comparison:
    """Rounds of these ratios."""
    made = Comparison("F8 figure", "ms", "plain", limit, more)
    for ratio in ratios:
        made.add(ratio * 50.0, 50.0)
    return made


@pytest.mark.parametrize(
    ("ratios", "settled"),
    [
        ([0.3, 0.4, 0.35], True),
        ([0.3, 0.4], False),  # too few to say
        ([0.3, 0.7, 0.4], False),  # on both sides of the limit
        ([0.8, 0.9, 1.2], False),  # on both sides of the plain way
        ([0.7, 0.8, 0.9], True),  # a miss is a result
        ([1.2, 1.5, 1.3], True),  # and so is a loss
    ],
)
def test_rounds_have_settled_when_all_say_the_same(ratios: list[float], *, settled: bool) -> None:
    assert compared(ratios).settled is settled


@pytest.mark.parametrize(
    ("ratios", "limit", "more", "ok", "says"),
    [
        ([0.3, 0.4, 0.5], 0.6, False, True, ""),
        ([0.9, 1.0, 1.1], 0.6, False, False, "within noise"),
        ([1.2, 1.3, 1.4], 0.6, False, False, "worse than the plain way"),
        ([1.4, 1.5, 1.6], 1.3, True, True, ""),
        ([0.7, 0.8, 0.9], 1.3, True, False, "worse than the plain way"),
        ([0.7, 1.4, 1.6], 1.3, True, True, "within noise"),
    ],
)
def test_a_row_names_the_plain_way_its_rounds_and_what_they_say(
    ratios: list[float], limit: float, more: bool, ok: bool, says: str
) -> None:
    row = compared(ratios, limit, more=more).row()
    assert (row.ok, row.ratio) == (ok, pytest.approx(sorted(ratios)[1], rel=1e-3))
    assert row.against.startswith(f"plain: 50 ms; 3 rounds, {min(ratios):.3g} to {max(ratios):.3g} times")
    assert row.against.endswith(says or "times")


@pytest.mark.parametrize(
    ("ratios", "rounds"), [([0.3] * 9, 3), ([0.3, 0.9, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3], 7), ([0.9, 1.1] * 9, 7)]
)
def test_rounds_are_repeated_until_they_agree_or_there_were_enough(ratios: list[float], rounds: int) -> None:
    made = compared([])
    repeat(lambda number: made.add(ratios[number] * 50.0, 50.0), [made], 2, 7)
    assert len(made.ours) == rounds
