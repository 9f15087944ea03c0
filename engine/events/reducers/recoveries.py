"""How recoveries change the state."""

from __future__ import annotations

from engine.base.percentiles import nearest_rank
from engine.events import types as ev
from engine.events.reducers.bounded import note
from engine.events.state import (
    DURATIONS_KEPT,
    RECOVERIES_KEPT,
    STRATEGIES_KEPT,
    BudgetView,
    RecoveryView,
    State,
    StrategyView,
)
from engine.events.types import Severity


def recovery_started(state: State, event: ev.RecoveryStarted, at: float) -> None:
    """One more, under way."""
    state.recoveries.append(
        RecoveryView(
            id=event.recovery,
            strategy=event.strategy,
            target=event.target,
            error=event.error,
            reason=event.reason,
            by=event.by,
            estimated=event.estimated,
            started_at=at,
            observed=event.observed,
        )
    )
    if len(state.recoveries) > RECOVERIES_KEPT:
        del state.recoveries[0]


def recovery_measured(state: State, event: ev.RecoveryMeasured, _at: float) -> None:
    """The breakers and the budget in figures."""
    state.breaker_figures = {each.breaker: each for each in event.breakers}
    state.budget = BudgetView(event.budget, event.budget_size, event.refused)


def recovery_ended(state: State, event: ev.RecoveryEnded, _at: float) -> None:
    """Its row, its strategy's figures, and a line of what happened."""
    if view := next((each for each in reversed(state.recoveries) if each.id == event.recovery), None):
        view.running, view.ok, view.outcome = False, event.ok, event.reason
        view.took, view.gave_up, view.waiters = event.took, event.gave_up, event.waiters
    _count(state, event)
    mark, severity = ("notice", Severity.INFO) if event.ok else ("failed", Severity.WARNING)
    note(state, mark, event.target, f"{event.strategy}: {event.reason}", severity)


def _count(state: State, event: ev.RecoveryEnded) -> None:
    name = event.strategy
    if name not in state.strategies and len(state.strategies) >= STRATEGIES_KEPT:
        name = "other"
    tally = state.strategies.setdefault(name, StrategyView())
    tally.observed += event.observed
    if event.observed:
        return
    tally.runs += 1
    tally.worked += event.ok
    tally.gave_up += event.gave_up
    tally.success_rate = tally.worked / tally.runs
    tally.durations = [*tally.durations[-DURATIONS_KEPT + 1 :], event.took]
    tally.mean = sum(tally.durations) / len(tally.durations)
    tally.p95 = nearest_rank(sorted(tally.durations), 0.95)
