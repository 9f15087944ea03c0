"""What the Recovery screen says of breakers, the budget and what comes next."""

from __future__ import annotations

import msgspec

from engine.events.state import BudgetView, RequestView, State
from tests.console import scene
from tests.support.console import plain
from tui.screens.recovery_lines import breakers_of, budget, next_steps

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
