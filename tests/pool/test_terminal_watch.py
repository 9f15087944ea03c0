"""For how long a conversation stays lent to a terminal: a decision on who is there and when the program was seen."""

from __future__ import annotations

import pytest

from engine.pool.terminals import END_S, START_S, WatchDecision, watch_decision


@pytest.mark.parametrize(
    ("now", "seen", "opener", "program", "decided"),
    [
        (10_000.0, 9_999.0, True, True, WatchDecision.KEEP),
        (START_S - 0.1, None, True, False, WatchDecision.KEEP),
        (START_S, None, True, False, WatchDecision.LAPSE),
        (100.0, 100.1 - END_S, True, False, WatchDecision.KEEP),
        (100.0, 100.0 - END_S, True, False, WatchDecision.LAPSE),
        (1.0, None, False, False, WatchDecision.LAPSE),
        (1.0, 1.0, False, True, WatchDecision.END),
        (10_000.0, 1.0, False, True, WatchDecision.END),
    ],
)
def test_it_stays_lent_while_both_are_there_and_never_without_its_opener(
    now: float, seen: float | None, *, opener: bool, program: bool, decided: WatchDecision
) -> None:
    assert watch_decision(now, 0.0, seen, opener=opener, program=program) is decided
