"""An attached console over time: what its samples say, and the command that takes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.bench.soak import Sample, figures, slope_of
from tests.support.headless import quarterdeck


def growing(memory: float, descriptors: float = 0.0, threads: float = 0.0) -> list[Sample]:
    """An hour of samples that grow by so much an hour, after a half in which caches fill."""
    return [
        Sample(
            at * 60.0,
            80.0 + (0.5 if at % 2 else -0.5) + memory * at / 60 - (20.0 if at < 30 else 0.0),
            10 + round(descriptors * at / 60),
            5 + round(threads * at / 60),
        )
        for at in range(61)
    ]


def test_the_slope_is_that_of_the_line_with_the_least_squares() -> None:
    assert slope_of([0.0, 1.0, 2.0, 3.0], [1.0, 3.0, 5.0, 7.0]) == pytest.approx(2.0)
    assert slope_of([0.0, 1.0, 2.0], [1.0, 4.0, 1.0]) == pytest.approx(0.0)
    assert slope_of([1.0], [7.0]) == 0.0


@pytest.mark.parametrize(
    ("samples", "misses"),
    [
        (growing(0.0), []),
        (growing(3.0), []),
        (growing(30.0), ["memory"]),
        (growing(0.0, descriptors=12.0), ["descriptors"]),
        (growing(0.0, threads=10.0), ["threads"]),
        (growing(-30.0, -6.0, -3.0), []),
    ],
)
def test_what_grows_misses_its_budget_and_what_swings_or_shrinks_does_not(
    samples: list[Sample], misses: list[str]
) -> None:
    rows = figures(samples, 60.0)
    assert [row.name.rpartition(" ")[2] for row in rows if not row.ok] == misses
    assert [row.budget for row in rows if "growth" in row.name] == ["≤ 5 MB", "≤ 1 descriptors", "≤ 1 threads"]


def test_the_command_watches_a_console_that_is_attached_to_an_engine(home: Path) -> None:
    done = quarterdeck(home, "bench", "console", "--soak", "0.1", "--json")
    rows = json.loads(done.stdout)["figures"]
    assert [row["name"] for row in rows][:2] == [
        "attached console, growth of memory",
        "attached console, slope of memory",
    ]
    assert all(row["value"] is not None for row in rows)
    assert "samples over 0.1 min" in rows[0]["against"]
    other = quarterdeck(home, "bench", "pool", "--soak", "1")
    assert (other.returncode, "goes with the group console" in other.stderr) == (2, True)
