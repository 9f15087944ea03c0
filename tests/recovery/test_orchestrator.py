"""The orchestrator: one run for all who wait, watched, with a ladder, bounded, observed, never on stale facts."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.errors import BadInput, NotFound, SettingsError
from engine.recovery.escalation import CLEAN, ESCALATION, PARK, REDUCE_LOAD, RESTART, RESUME, strategy_for
from engine.recovery.failure import Failure, TargetKind
from engine.recovery.orchestrator import STALE_S, WATCH_S
from engine.recovery.retry.budget import RESPAWN_COST
from engine.recovery.run import RecoveryCase
from engine.recovery.strategies.registry import Strategies
from tests.recovery.recoveries import ILL, WELL, OrchestratorFixture, Scripted, pass_time
from tests.support.virtual_time import run_virtually


def resume(*results: object, seconds: float = 1.0) -> Scripted:
    return Scripted(RESUME, TargetKind.CONVERSATION, *results, seconds=seconds)  # type: ignore[arg-type]


def restart(*results: object) -> Scripted:
    return Scripted(RESTART, TargetKind.SESSION, *results)  # type: ignore[arg-type]


def test_all_who_fail_at_one_target_share_one_run_and_it_counts_once() -> None:
    async def work() -> None:
        strategy = resume()
        rig = OrchestratorFixture(strategy)
        cases = [RecoveryCase() for _ in range(20)]
        why = await asyncio.gather(*(rig.fail(case, rig.failure(f"r{n}")) for n, case in enumerate(cases)))
        assert why == [""] * 20
        assert len(strategy.runs) == 1
        assert rig.ended == []  # its effect was not seen yet
        for case in cases:
            rig.orchestrator.closed(case, worked=True)
        (ended,) = rig.ended
        assert (ended.ok, ended.waiters, ended.took) == (True, 20, 1.0)
        tally = rig.bus.state.strategies[RESUME]
        assert (tally.runs, tally.worked, tally.success_rate, tally.mean) == (1, 1, 1.0, 1.0)
        assert rig.bus.state.recoveries[0].error == "r0.1"

    run_virtually(work())


def test_what_fails_while_the_engine_ends_begins_nothing() -> None:
    async def work() -> None:
        rig = OrchestratorFixture(resume())
        await rig.orchestrator.aclose()
        rig.orchestrator.begin(RESUME, rig.failure())
        assert rig.events == []
        rig.orchestrator.validate()

    run_virtually(work())


def test_a_recoverys_time_ends_with_the_answer_that_it_led_to() -> None:
    async def work() -> None:
        rig = OrchestratorFixture(resume())
        case = RecoveryCase()
        await rig.fail(case, rig.failure("r1"))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 2.5)  # the attempt takes so long
        rig.orchestrator.closed(case, worked=True)
        (ended,) = rig.ended
        assert (ended.ok, ended.took) == (True, 3.5)
        assert rig.bus.state.strategies[RESUME].mean == 3.5

    run_virtually(work())


def test_other_targets_have_runs_of_their_own() -> None:
    async def work() -> None:
        strategy = restart()
        rig = OrchestratorFixture(strategy)
        troubles = [rig.failure(f"r{n}", session=f"s{n}", word="process") for n in range(3)]
        await asyncio.gather(*(rig.fail(RecoveryCase(), failure) for failure in troubles))
        assert [failure.session for _, failure in strategy.runs] == ["s0", "s1", "s2"]

    run_virtually(work())


def test_a_request_that_fails_on_climbs_the_declared_ladder_and_is_given_up() -> None:
    async def work() -> None:
        first, second = resume(), restart()
        rig = OrchestratorFixture(first, second)
        case = RecoveryCase()
        whys = [await rig.fail(case, rig.failure()) for _ in range(5)]
        assert (len(first.runs), len(second.runs)) == (2, 2)
        assert whys == ["", "", "", "", f"{RESUME} did not help"]
        assert [(each.strategy, each.ok) for each in rig.ended] == [(RESUME, False)] * 2 + [(RESTART, False)] * 2
        assert rig.ended[-1].gave_up
        assert case.state.why

    run_virtually(work())


def test_a_run_that_fails_is_followed_by_the_rung_above_at_once() -> None:
    async def work() -> None:
        first, second = resume(ILL), restart(WELL)
        rig = OrchestratorFixture(first, second)
        case = RecoveryCase()
        assert await rig.fail(case, rig.failure()) == ""
        assert (len(first.runs), len(second.runs)) == (1, 1)
        rig.orchestrator.closed(case, worked=True)
        assert [(each.strategy, each.ok) for each in rig.ended] == [(RESUME, False), (RESTART, True)]

    run_virtually(work())


def test_when_every_rung_fails_the_reason_is_the_last_ones() -> None:
    async def work() -> None:
        rig = OrchestratorFixture(resume(ILL), restart(ILL))
        case = RecoveryCase()
        assert await rig.fail(case, rig.failure()) == f"{RESTART} failed: it did not work"
        assert rig.ended[-1].gave_up

    run_virtually(work())


def test_a_strategy_that_raises_or_hangs_has_failed() -> None:
    class Raises(Scripted):
        async def execute(self, *_: object) -> object:  # type: ignore[override]
            raise RuntimeError("a bug")

    async def work() -> None:
        rig = OrchestratorFixture(
            Raises(RESUME, TargetKind.CONVERSATION), Scripted(RESTART, TargetKind.SESSION, seconds=1.0)
        )
        await rig.fail(RecoveryCase(), rig.failure())
        assert rig.ended[0].reason == "the strategy failed: RuntimeError('a bug')"
        slow = Scripted(RESUME, TargetKind.CONVERSATION, seconds=1e6)
        slow.estimated_time = 1e6
        hangs = OrchestratorFixture(slow, restart())
        hangs.strategies.by_name[RESUME] = slow
        recovery = hangs.orchestrator.begin(RESUME, hangs.failure())
        assert recovery is not None
        await hangs.orchestrator.aclose()
        assert hangs.ended[0].reason == "the engine stops"

    run_virtually(work())


def test_an_attempt_that_still_runs_after_a_while_shows_that_it_helped() -> None:
    async def work() -> None:
        rig = OrchestratorFixture(resume())
        case = RecoveryCase()
        await rig.fail(case, rig.failure())
        await pass_time(WATCH_S + 1)
        assert [each.ok for each in rig.ended] == [True]
        rig.orchestrator.closed(case, worked=False)
        assert len(rig.ended) == 1

    run_virtually(work())


def test_what_failed_before_the_last_recovery_is_no_reason_for_another() -> None:
    async def work() -> None:
        strategy = resume()
        rig = OrchestratorFixture(strategy)
        await pass_time(10)
        case = RecoveryCase()
        await rig.fail(case, rig.failure())
        rig.orchestrator.closed(case, worked=True)
        late = rig.failure("late", began=5.0)
        assert await rig.fail(RecoveryCase(), late) == ""
        assert len(strategy.runs) == 1
        fresh = RecoveryCase()
        await rig.fail(fresh, rig.failure("fresh"))
        assert len(strategy.runs) == 2

    run_virtually(work())


def test_a_sample_that_lay_about_is_not_acted_on() -> None:
    async def work() -> None:
        strategy = resume()
        rig = OrchestratorFixture(strategy)
        stale = rig.failure()
        await pass_time(STALE_S + 1)
        assert await rig.fail(RecoveryCase(), stale) == ""
        assert strategy.runs == []
        assert rig.events == []

    run_virtually(work())


def test_in_observe_mode_all_is_told_and_nothing_is_done() -> None:
    async def work() -> None:
        first, second = resume(), restart()
        rig = OrchestratorFixture(first, second, observe=True)
        case = RecoveryCase()
        whys = [await rig.fail(case, rig.failure()) for _ in range(6)]
        assert whys == [""] * 6
        assert (first.runs, second.runs) == ([], [])
        assert all(event.observed for event in rig.events)
        assert rig.ended[0].reason == f"observed: {RESUME} would be run at conversation:c1"
        assert rig.bus.state.strategies[RESUME].runs == 0
        assert rig.budget.tokens == rig.budget.size

    run_virtually(work())


def test_too_many_runs_at_one_target_give_the_request_up_and_are_told_once() -> None:
    async def work() -> None:
        strategy = resume()
        rig = OrchestratorFixture(strategy, starts=2)
        whys = [await rig.fail(RecoveryCase(), rig.failure(f"r{n}")) for n in range(6)]
        assert len(strategy.runs) == 2
        assert whys[:2] == ["", ""]
        assert all("tried 2 times within 60 s" in why for why in whys[2:])
        assert sum(event.gave_up for event in rig.ended) == 1

    run_virtually(work())


def test_a_spent_budget_stops_recovery_and_success_pays_back() -> None:
    async def work() -> None:
        strategy = Scripted(REDUCE_LOAD, TargetKind.ENGINE)
        rig = OrchestratorFixture(strategy, budget=2 * RESPAWN_COST, starts=100)
        cases = [RecoveryCase() for _ in range(4)]
        for number, case in enumerate(cases):
            assert await rig.fail(case, rig.failure(f"r{number}", word="reduce_load")) == ""
        assert len(strategy.runs) == 2
        assert rig.budget.tokens == 0
        assert "the retry budget is spent" in rig.ended[-1].reason
        rich = OrchestratorFixture(strategy)
        case = RecoveryCase()
        await rich.fail(case, rich.failure(word="reduce_load"))
        assert rich.budget.tokens == rich.budget.size - RESPAWN_COST
        rich.orchestrator.closed(case, worked=True)
        assert rich.budget.tokens == rich.budget.size

    run_virtually(work())


@settings(max_examples=60, deadline=None)
@given(
    gaps=st.lists(st.floats(0, 40), min_size=1, max_size=60),
    word=st.sampled_from(["session", "process", "resource", "reduce_load"]),
    starts=st.integers(1, 6),
    works=st.booleans(),
)
def test_no_sequence_of_failures_makes_an_endless_loop(gaps: list[float], word: str, starts: int, works: bool) -> None:
    """In any window of the period no target sees more runs of a strategy than the settings allow."""

    async def work() -> None:
        result = WELL if works else ILL
        scripted = [
            Scripted(name, target_kind, result, seconds=0.01)
            for name, target_kind in (
                (RESUME, TargetKind.CONVERSATION),
                (RESTART, TargetKind.SESSION),
                (REDUCE_LOAD, TargetKind.ENGINE),
                ("clean_resources", TargetKind.ENGINE),
            )
        ]
        rig = OrchestratorFixture(*scripted, starts=starts, budget=10**6)
        for number, gap in enumerate(gaps):
            case = RecoveryCase()
            for _ in range(3):
                if await rig.fail(case, rig.failure(f"r{number}", word=word)):
                    break
            await pass_time(gap)
        for strategy in scripted:
            times = [at for at, _ in strategy.runs]
            windows = (sum(start <= at < start + 60.0 for at in times) for start in times)
            assert max(windows, default=0) <= starts

    run_virtually(work())


def test_by_hand_it_runs_however_often_it_was_tried_and_shares_the_run() -> None:
    async def work() -> None:
        strategy = restart()
        rig = OrchestratorFixture(strategy, starts=1)
        for _ in range(3):
            ended = await rig.orchestrator.execute(RESTART, rig.failure())
            assert (ended.ok, ended.target) == (True, "session:s0001")
        assert len(strategy.runs) == 3
        await asyncio.gather(*(rig.orchestrator.execute(RESTART, rig.failure()) for _ in range(5)))
        assert len(strategy.runs) == 4

    run_virtually(work())


def test_by_hand_unknown_names_and_impossible_targets_are_refused() -> None:
    async def work() -> None:
        rig = OrchestratorFixture(restart())
        with pytest.raises(NotFound, match="the nearest is restart_process") as refused:
            await rig.orchestrator.execute("restart_proces", rig.failure())
        assert refused.value.field == "strategy"
        with pytest.raises(BadInput, match="can do nothing about that target"):
            await rig.orchestrator.execute(RESTART, rig.failure(session=""))
        assert rig.events == []

    run_virtually(work())


def test_a_class_is_given_to_another_strategy_by_its_category_or_its_type() -> None:
    async def work() -> None:
        rig = OrchestratorFixture()
        failure = rig.failure()
        assert strategy_for(failure, {}) == RESUME
        assert strategy_for(failure, {"process": PARK}) == PARK
        assert strategy_for(failure, {"process": PARK, "process/crash": RESTART}) == RESTART
        assert strategy_for(failure, {"network": PARK}) == RESUME

    run_virtually(work())


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"process/crash": "restart_proces"}, "no recovery strategy 'restart_proces'; the nearest is restart_process"),
        ({"proces": "park"}, "'proces' is no class of errors; the nearest is process"),
        ({"process": "tests.recovery.recoveries:WELL"}, "is no class"),
        (
            {"process": "tests.recovery.recoveries:LoopClock"},
            "has no target_kind, estimated_time, can_recover, execute",
        ),
    ],
)
def test_what_the_settings_name_wrongly_is_refused_by_its_key(own: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Strategies(own, lambda: 0.0)
    assert words in str(refused.value)
    assert refused.value.problems[0].startswith("recovery.strategies")
    assert refused.value.remedy


def test_the_ladder_ends() -> None:
    for name in ESCALATION:
        seen = set()
        while name in ESCALATION:
            assert name not in seen
            seen.add(name)
            name = ESCALATION[name]


def test_a_strategy_that_raises_when_it_is_looked_at_is_passed_over_and_no_other_is_looked_at() -> None:
    class Broken(Scripted):
        """A plugin with a mistake."""

        def can_recover(self, failure: Failure) -> bool:
            raise ZeroDivisionError(failure.id)

    async def work() -> None:
        unrelated = Broken(CLEAN, TargetKind.ENGINE)
        broken, next_one = Broken(RESUME, TargetKind.CONVERSATION), restart()
        rig = OrchestratorFixture(unrelated, broken, next_one)
        assert await rig.fail(RecoveryCase(), rig.failure()) == ""
        assert len(next_one.runs) == 1
        notices = [line.text for line in rig.bus.state.recent if "can_recover" in line.text]
        assert len(notices) >= 1
        assert all(RESUME in text for text in notices)

    run_virtually(work())
