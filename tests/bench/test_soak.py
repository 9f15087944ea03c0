"""A console and an engine over time: what their samples say, and the commands that take them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.bench import engine_soak
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
    other = quarterdeck(home, "bench", "flow", "--soak", "1")
    assert (other.returncode, "goes with the groups console and pool" in other.stderr) == (2, True)


@pytest.mark.parametrize("grows", ["memory", "file descriptors", "tasks", "threads", "processes", ""])
def test_what_an_engine_keeps_after_each_wave_misses_its_budget(grows: str) -> None:
    def holds(at: int) -> dict[str, int]:
        return {name: 10 + (at // 10 if name == grows else at % 2) for name in engine_soak.NAMES}

    samples = [engine_soak.Sample(at * 10.0, 80.0 + (at if grows == "memory" else 0), holds(at)) for at in range(61)]
    rows = engine_soak.figures(samples, 10.0)
    assert [row.name.partition("growth of ")[2] for row in rows if not row.ok] == ([grows] if grows else [])


def test_the_command_loads_an_engine_with_work_of_each_kind(home: Path) -> None:
    done = quarterdeck(home, "bench", "pool", "--soak", "0.1", "--json")
    rows = {row["name"]: row for row in json.loads(done.stdout)["figures"]}
    for kind in ("prompts", "turns of conversations", "cacheable prompts", "cancels", "approvals", "crashes", "reads"):
        assert f" {kind}" in rows["work of the soak"]["against"]
    assert rows["work that was refused"]["value"] == 0
    assert {f"engine under mixed load, growth of {name}" for name in ("memory", *engine_soak.NAMES)} <= set(rows)
