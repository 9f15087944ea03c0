"""Each drill on a few sessions, with a fixed seed: harm is noticed, and nothing is lost, doubled or left."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.base.errors import BadInput
from engine.base.processes import ENGINE_TAG, tagged
from engine.chaos.drills import Channel, MemoryHog, all_drills
from engine.chaos.environments import Plan
from engine.chaos.run import Abort, chosen, run
from engine.chaos.scorecard import Scorecard
from tests.support.processes import until


def cwd_of(pid: int) -> str:
    """Where a process works; nothing when it is gone."""
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""


async def drilled(folder: Path, *names: str, **plan: float) -> Scorecard:
    """The scorecard of these drills."""
    return await run(
        Plan(names, tuned=True, **{"seed": 7, "seconds": 1.6, "sessions": 6, **plan}), folder, print, Abort()
    )  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [name for name in all_drills() if name not in {"cpu_hog", "slow"}])
async def test_what_a_drill_breaks_is_noticed_and_mended(home: Path, name: str) -> None:
    wide = {"radius": 0.5} if all_drills()[name].lane is Channel.API else {}  # that a share of few calls hits one
    card = await drilled(home / "drill", name, **wide)
    down = name == "engine_killed"  # which excuses nothing
    assert [problem for problem in card.problems() if not (down and problem.startswith("availability"))] == []
    assert card.strikes >= 1
    assert card.detected_in.p95 is not None or card.moot == card.strikes
    assert card.recovered == 100.0
    assert card.answered > 12


@pytest.mark.parametrize("name", ["cpu_hog", "slow"])
async def test_what_is_only_slower_fails_no_request(home: Path, name: str) -> None:
    card = await drilled(home / "drill", name)
    assert (card.problems(), card.strikes, card.failed_clearly) == ([], 1, 0)


async def test_drills_at_random_over_one_another_lose_and_double_nothing(home: Path) -> None:
    card = await drilled(home / "drill", "random", seconds=8.0)
    assert card.problems() == []
    assert len(card.recovered_by_drill) >= 2
    assert card.strikes >= 4


@pytest.mark.real_cli
async def test_real_sessions_are_killed_refused_and_cut_off_and_lose_nothing(home: Path, claude: Path) -> None:
    names = ("kill", "window529", "network_cut")
    card = await run(Plan(names, 7, 7.0, 3, 0.34, claude, tuned=True), home / "drill", print, Abort())
    assert card.problems() == []
    assert card.recovered == 100.0
    assert card.answered > 6
    assert card.settings == "tuned for drills"


async def test_an_aborted_run_heals_and_leaves_nothing_and_says_so(home: Path) -> None:
    told, abort = list[str](), Abort()
    plan = Plan(("stop", "kill"), 7, 600.0, 6, tuned=True)
    work = asyncio.create_task(run(plan, home / "drill", told.append, abort))
    await until(lambda: any(line.startswith("stop") for line in told))
    abort("by SIGINT")
    card = await work
    assert "aborted: by SIGINT" in card.problems()
    assert (card.lost, card.doubled, card.survivors) == (0, 0, 0)
    assert not any(line.startswith("kill") for line in told)
    assert [one for one in tagged(lambda tags: ENGINE_TAG in tags) if str(home) in cwd_of(one.pid)] == []


def test_an_unknown_drill_and_one_that_the_backend_cannot_do_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(BadInput, match="'explode' is no drill"):
        chosen(["kill", "explode"], "simulator")
    monkeypatch.setattr(MemoryHog, "backends", ("simulator",))
    with pytest.raises(BadInput, match="'memory_hog' needs the simulator"):
        chosen(["memory_hog"], "claude")
    assert "memory_hog" in chosen(["all"], "simulator")
    assert "memory_hog" not in chosen(["all"], "claude")
