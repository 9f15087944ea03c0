"""The scorecard is arithmetic on records: each figure from a hand-made run."""

from __future__ import annotations

from engine.chaos.load import Conversation
from engine.chaos.run import bound_passed
from engine.chaos.scorecard import Injection, RequestOutcome, Scorecard, ScorecardEvidence, score
from engine.events import types as ev

GIB = 1024**3


def answered(name: str, began: float, ended: float) -> RequestOutcome:
    """A request that was answered."""
    return RequestOutcome(id=name, began=began, ended=ended, answered=True)


def failed(name: str, began: float, ended: float, code: str) -> RequestOutcome:
    """A request that failed with a clear error."""
    return RequestOutcome(id=name, began=began, ended=ended, code=code, error="It failed.")


def card(evidence: ScorecardEvidence, survivors: int = 0, aborted: str = "") -> Scorecard:
    """The figures of a run."""
    names = ["kill"]
    return score(
        evidence,
        drills=names,
        seed=1,
        backend="simulator",
        sessions=4,
        seconds=10,
        survivors=survivors,
        aborted=aborted,
    )


def test_a_failure_counts_against_availability_unless_it_fell_into_an_outage() -> None:
    outage = Injection(drill="window529", at=10, healed=20, outage=True, excuses=("api_529", "overloaded"))
    asked = [
        *(answered(f"a{n}", n, n + 1) for n in range(7)),
        failed("inside", 12, 13, "api_529"),
        failed("into", 8, 11, "api_529"),
        failed("after", 21, 22, "overloaded"),
        failed("ours", 12, 13, "session_lost"),
    ]
    found = card(ScorecardEvidence(asked=asked, strikes=[outage]))
    assert (found.requests, found.answered, found.failed_clearly, found.excused) == (11, 7, 4, 2)
    assert found.availability == 77.778
    assert found.failures == {"api_529": 2, "overloaded": 1, "session_lost": 1}


def test_a_strike_on_a_session_is_over_when_the_request_in_it_is_answered() -> None:
    strike = Injection(drill="kill", at=100, session="s1", requests=("r",))
    ended = ev.EventEnvelope(1, 100.25, ev.SessionEnded(session="s1", how="crash"))
    other = ev.EventEnvelope(2, 100.05, ev.SessionEnded(session="s2", how="crash"))
    found = card(ScorecardEvidence(asked=[answered("r", 99, 101.5)], strikes=[strike], events=[other, ended]))
    assert (found.detected_in.p95, found.recovered_in.p95, found.recovered) == (0.25, 1.5, 100.0)
    assert card(ScorecardEvidence(asked=[failed("r", 99, 101, "session_lost")], strikes=[strike])).recovered == 0.0


def test_an_idle_session_is_recovered_when_it_is_gone() -> None:
    strike = Injection(drill="stop", at=100, session="s1")
    told = [
        ev.EventEnvelope(1, 102.0, ev.SessionJudged(session="s1", condition="condemned", reason="")),
        ev.EventEnvelope(2, 102.5, ev.SessionEnded(session="s1", how="kill")),
    ]
    found = card(ScorecardEvidence(strikes=[strike], events=told))
    assert (found.detected_in.p50, found.recovered_in.p50) == (2.0, 2.5)
    assert found.recovered_by_drill == {"stop": found.recovered_in}


def test_a_struck_session_that_left_to_make_room_is_no_credit() -> None:
    strike = Injection(drill="memory_hog", at=100, session="s1")
    left = ev.SessionChanged(session="s1", state=ev.SessionState.STOPPING, reason="makes room")
    told = [ev.EventEnvelope(1, 101, left), ev.EventEnvelope(2, 101.1, ev.SessionEnded(session="s1", how="eof"))]
    found = card(ScorecardEvidence(strikes=[strike], events=told))
    assert (found.strikes, found.moot, found.detected_in.p50, found.recovered_in.p50) == (1, 1, None, None)


def test_an_outage_is_over_when_all_that_it_delayed_is_answered() -> None:
    strike = Injection(drill="network_cut", at=100, healed=110, outage=True)
    retried = ev.EventEnvelope(1, 100.5, ev.RequestRetrying(request="r", attempt=1, delay=1, kind="network", reason=""))
    asked = [answered("quick", 110, 110.1), answered("r", 100, 113)]
    found = card(ScorecardEvidence(asked=asked, strikes=[strike], events=[retried]))
    assert (found.detected_in.p50, found.recovered_in.p50) == (0.5, 3.0)
    assert card(ScorecardEvidence(asked=asked[:1], strikes=[strike])).recovered_in.p50 == 0.1


def test_a_silent_request_that_is_tried_again_after_the_outage_still_tells_of_it() -> None:
    strike = Injection(drill="stall", at=100, healed=102, outage=True)
    late = ev.EventEnvelope(1, 105, ev.RequestRetrying(request="r", attempt=1, delay=1, kind="timeout", reason=""))
    later = ev.EventEnvelope(2, 104, ev.RequestRetrying(request="other", attempt=1, delay=1, kind="timeout", reason=""))
    asked = [answered("r", 101, 106), answered("other", 103, 104.5)]
    found = card(ScorecardEvidence(asked=asked, strikes=[strike], events=[later, late]))
    assert (found.detected_in.p50, found.recovered_in.p50) == (5.0, 4.0)


def test_an_outage_explains_only_the_failures_that_it_makes() -> None:
    partial = Injection(drill="window529", at=10, healed=20, outage=True)
    assert card(ScorecardEvidence(asked=[failed("r", 12, 13, "api_529")], strikes=[partial])).excused == 0


def test_a_struck_session_could_not_recover_within_a_total_outage() -> None:
    strike = Injection(drill="kill", at=100, session="s1", requests=("r",))
    cut = Injection(drill="network_cut", at=99, healed=108, outage=True, total=True, excuses=("turn_failed",))
    found = card(ScorecardEvidence(asked=[answered("r", 99, 109), answered("x", 108, 108.5)], strikes=[strike, cut]))
    assert found.process_recovered_in.p95 == 1.0
    refused = card(ScorecardEvidence(asked=[failed("r", 99, 107, "turn_failed")], strikes=[strike, cut]))
    assert (refused.moot, refused.process_recovered_in.p95, refused.excused) == (1, None, 1)


def test_other_harm_to_the_same_request_is_not_counted_twice() -> None:
    first = Injection(drill="stop", at=100, session="s1", requests=("r",))
    later = Injection(drill="kill", at=102, session="s2", requests=("r",))
    stalled = Injection(drill="stall", at=101, healed=103, outage=True)
    retried = ev.EventEnvelope(1, 103.5, ev.RequestRetrying(request="r", attempt=2, delay=0, kind="timeout", reason=""))
    asked = [answered("r", 99, 104)]
    assert card(ScorecardEvidence(asked=asked, strikes=[first, later])).process_recovered_in.p95 == 2.0
    met = ScorecardEvidence(asked=asked, strikes=[first, stalled], events=[retried])
    assert card(met).process_recovered_in.p95 == 0.5
    assert card(ScorecardEvidence(asked=asked, strikes=[first], events=[retried])).process_recovered_in.p95 == 4.0


def test_slow_recovery_and_harm_that_stays_are_named() -> None:
    strikes = [Injection(drill="stop", at=100, session=f"s{n}", requests=(f"r{n}",)) for n in range(2)]
    found = card(ScorecardEvidence(asked=[answered("r0", 99, 104)], strikes=strikes))
    assert found.problems() == ["50.0 % of the harm was mended, not 99.0 %"]
    assert found.delays() == ["p95 of recovery from a process fault is 4.0 s, above 2 s"]
    assert card(ScorecardEvidence(asked=[answered("r0", 99, 101)], strikes=strikes[:1])).delays() == []


def test_a_request_without_an_end_or_without_a_sentence_is_lost() -> None:
    silent = RequestOutcome(id="silent", began=1, ended=2)
    found = card(ScorecardEvidence(asked=[RequestOutcome(id="r", began=1), silent]))
    assert (found.lost, found.failed_clearly) == (2, 0)


def test_what_is_not_good_enough_is_named() -> None:
    bad = RequestOutcome(id="r", began=1, ended=2, answered=True, lost=1, doubled=2)
    found = card(ScorecardEvidence(asked=[bad, failed("f", 1, 2, "x")]), survivors=3, aborted="by SIGINT")
    assert found.problems() == [
        "1 turns lost",
        "2 turns doubled",
        "3 processes survived",
        "availability 50.00 % is below 99.9 %",
        "aborted: by SIGINT",
    ]
    assert card(ScorecardEvidence(asked=[answered("r", 1, 2)])).problems() == []


def test_a_conversation_knows_what_its_history_must_hold() -> None:
    talk = Conversation(conversation="c")
    assert talk.counted(1) == (0, 0)
    assert talk.counted(3) == (0, 1)
    assert talk.counted(3) == (1, 0)
    talk.failed()
    assert talk.counted(4) == (0, 0)
    talk.failed()
    assert talk.counted(6) == (0, 0)


def test_a_run_is_aborted_when_memory_runs_out_or_too_much_fails_outside_the_outages() -> None:
    asked = [answered(f"a{n}", 1, 2) for n in range(30)] + [failed(f"f{n}", 1, 2, "api_529") for n in range(20)]
    assert bound_passed(ScorecardEvidence(asked=asked), 4 * GIB) == "20 of 50 requests failed outside any outage"
    outage = Injection(drill="window529", at=0, healed=3, outage=True, excuses=("api_529",))
    assert bound_passed(ScorecardEvidence(asked=asked, strikes=[outage]), 4 * GIB) == ""
    assert bound_passed(ScorecardEvidence(), GIB // 8) == "128 MiB of memory are left"
