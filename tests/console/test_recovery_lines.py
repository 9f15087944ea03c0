"""What the Recovery screen says of breakers, the budget and what comes next."""

from __future__ import annotations

import msgspec
import pytest

from engine.events.state import BudgetView, RecoveryView, RequestView, State, StrategyView
from tests.console import scene
from tests.support.console import plain
from tui.screens.recovery_lines import breakers_of, budget, levels, next_steps, people

NOW = scene.NOW
OPEN, CLOSED = (
    msgspec.structs.replace(scene.BREAKERS[0], next_probe=NOW + 12, probes_ok=0),
    scene.BREAKERS[1],
)
STATE = State(
    at=NOW,
    breakers={OPEN.breaker: "open", CLOSED.breaker: "closed"},
    breaker_figures={OPEN.breaker: OPEN, CLOSED.breaker: CLOSED},
    requests={
        "r1": RequestView("r1", "ana", "t", "p", "medium", "refactor", NOW - 9, attempts=2, retry_at=NOW + 4.2),
        "r2": RequestView("r2", "ana", "t", "p", "medium", "runs", NOW - 9, session="s1", retry_at=NOW + 4),
        "r3": RequestView("r3", "ana", "t", "p", "medium", "late", NOW - 9, retry_at=NOW - 1),
    },
    budget=BudgetView(390, 1000, 1),
)


def test_what_comes_next_is_there_soonest_first_with_its_time() -> None:
    shown = [plain(line).strip() for line in next_steps(STATE, NOW, 80, 8)]
    assert shown[0].startswith("NEXT AUTOMATIC ACTIONS 2")
    assert shown[1:] == ["in 4s      attempt 3 of r1  refactor", "in 12s     probe credential:acct-3 (3 must work)"]


def test_a_half_open_breaker_says_what_closes_it() -> None:
    probing = msgspec.structs.replace(scene.BREAKERS[0])
    state = State(at=NOW, breakers={probing.breaker: "half_open"}, breaker_figures={probing.breaker: probing})
    assert "closes after 1 more that work" in plain(next_steps(state, NOW, 90, 4)[1])


def test_nothing_due_is_said() -> None:
    assert [plain(line).strip() for line in next_steps(State(at=NOW), NOW, 40, 4)][1:] == ["none"]


def test_a_breakers_row_has_its_figures() -> None:
    row = next(each for each in breakers_of(STATE) if each.name == OPEN.breaker)
    assert (row.failed, row.limit, row.trips, row.shed, row.probes) == (0.384, 0.5, 2, 41, "0/3")


def test_the_budget_says_how_much_is_used_and_what_it_refused() -> None:
    assert plain(budget(STATE, 80)).split("─")[-1].strip() == "61% used   1 retry refused"


@pytest.mark.parametrize(("width", "height"), [(46, 2), (46, 4), (80, 2)])
def test_what_was_given_up_states_why_before_it_is_cut_and_marks_the_cut(width: int, height: int) -> None:
    gave_up = RecoveryView("1", "restart_process", "session:s0011", outcome="its tree would not end", gave_up=True)
    lines = [plain(line).rstrip() for line in people(State(at=NOW, recoveries=[gave_up]), NOW, width, height)[1:]]
    text = " ".join(line.strip() for line in lines)
    assert "session:s0011: its tree would" in text
    assert all(len(line) <= width for line in lines)
    assert text.endswith(("gave up", "…"))


def test_a_strategys_line_fits_with_how_often_it_gave_up() -> None:
    strategies = {"resume_conversation": StrategyView(runs=12345, worked=12000, mean=95.5, p95=140.0, gave_up=1234)}
    _title, head, line = levels(State(at=NOW, strategies=strategies), 70, 9)
    assert plain(head).rstrip().endswith("GAVE UP")
    assert plain(line).rstrip().endswith("1234")
    assert "…" not in plain(line)
    assert len(plain(line).rstrip()) <= 70
