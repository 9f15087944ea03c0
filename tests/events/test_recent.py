"""What the state remembers of what happened: lines that say what and why, and what is over is gone."""

from __future__ import annotations

from engine.events import types as ev
from engine.events.reducers.projection import Projection
from engine.events.state import ANSWERED_KEPT, TREND_SLOTS
from engine.events.types import AnyEvent, EventEnvelope
from tui.model.timeline import likely_cause, rows
from tui.screens.overview_lines import recent_block

START = 1_000_000.0


def told(*events: AnyEvent) -> Projection:
    projection = Projection()
    for seq, event in enumerate(events, 1):
        projection.apply(EventEnvelope(seq, START + seq, event))
    return projection


def lines(*events: AnyEvent) -> list[str]:
    return [f"{line.mark} {line.subject} {line.text}" for line in told(*events).state.recent]


STARTED = ev.EngineStarted(engine="e", pid=1, backend="simulator", version="0")
SESSION = ev.SessionStarting(session="a1", profile="p", tenant="t", backend="simulator", credential="team")


def test_a_size_that_stays_is_no_news_and_another_says_what_follows() -> None:
    def scaled(size: int, target: int) -> ev.PoolScaled:
        return ev.PoolScaled(size=size, target=target, reason="3 wait", busy=0, waiting=3)

    assert lines(scaled(10, 10)) == []
    assert lines(scaled(2, 5)) == ["tuning pool starts 3 more, 5 sessions in all: 3 wait"]
    assert lines(scaled(5, 2)) == ["tuning pool gives 3 idle back, 2 sessions in all: 3 wait"]


def test_who_acted_is_there_with_what_was_refused() -> None:
    acted = ev.OperationExecuted(operation="sessions.kill", who="ana", door="http", target="a1")
    refused = ev.OperationExecuted(operation="pool.scale", who="ben", door="cli", outcome="bad_input")
    sent = ev.OperationExecuted(operation="prompts.send", who="ana", door="http")
    assert lines(acted, refused, sent) == [
        "operator a1 sessions kill by ana",
        "operator engine pool scale by ben was refused: bad input",
    ]


def test_an_ended_session_is_listed_and_its_breaker_forgotten() -> None:
    opened = ev.BreakerChanged(breaker="session:a1", old="closed", new="open", reason="5 failures")
    projection = told(STARTED, SESSION, opened, ev.SessionEnded(session="a1", how="idle for 10 m"))
    assert projection.state.recent[-1].text == "ended: idle for 10 m"
    assert projection.state.breakers == {}


def test_the_first_start_is_no_cause_of_errors() -> None:
    errors = [
        ev.ErrorSeen(error=f"r.{number}", request="r", kind="network", code="x", text="x", category="c")
        for number in range(5)
    ]
    for starts, blamed in (([STARTED], False), ([STARTED, STARTED], True)):
        state = told(*starts, *errors).state
        (row,) = rows(state, state.at, 10)
        assert any("restart" in line for line in likely_cause(state, row, state.at)) is blamed


def test_a_turn_that_a_person_ended_is_no_error_and_its_wait_for_them_no_duration() -> None:
    def ended(outcome: str, *, ok: bool) -> ev.TurnEnded:
        return ev.TurnEnded(
            request="r", session="a1", ok=ok, outcome=outcome, duration=65.0, for_person=60.0, cost=0.5, error="x"
        )

    state = told(STARTED, SESSION, ended("interrupted", ok=False), ended("api_failed", ok=False)).state
    assert (state.totals.turns, state.totals.turns_failed, state.sessions["a1"].errors) == (2, 1, 1)
    assert [bucket.durations for bucket in state.buckets if bucket.turns] == [[5.0, 5.0]]
    assert [bucket.person_waits for bucket in state.buckets if bucket.turns] == [[60.0, 60.0]]
    assert state.totals.cost_by_credential == {"team": 1.0}


def test_an_approval_that_lapsed_is_never_shown_as_done() -> None:
    asked = ev.PermissionAsked(permission="p1", session="a1", tool="Bash", summary="rm x", deadline=START + 60)
    ended = ev.TurnEnded(request="r", session="a1", ok=True, outcome="refused_tools", duration=1.0)
    lapsed = ev.PermissionAnswered(permission="p1", session="a1", allowed=False, by="deadline")
    state = told(SESSION, asked, lapsed, ended).state
    assert [(line.mark, line.severity.value) for line in state.recent[-2:]] == [
        ("notice", "warning"),
        ("refused", "info"),
    ]
    assert state.recent[-2].text == "denied Bash rm x: nobody answered before its deadline"
    drawn = ["".join(text for text, _role in line) for line in recent_block(state.recent, 80, 9)]
    assert not [line for line in drawn if "✔" in line]
    assert len([line for line in drawn if "▲" in line]) == 2


def test_who_answered_what_is_kept_for_those_who_read_it() -> None:
    asked = [
        ev.PermissionAsked(permission=f"p{n}", session="a1", tool="Bash", summary="rm x", deadline=START)
        for n in range(ANSWERED_KEPT + 5)
    ]
    answered = [
        ev.PermissionAnswered(permission=each.permission, session="a1", allowed=True, by="ben", edited="Bash: ls")
        for each in asked
    ]
    state = told(SESSION, *asked, *answered).state
    assert len(state.answered) == ANSWERED_KEPT
    assert (state.answered[-1].id, state.answered[-1].by, state.answered[-1].edited) == (
        f"p{ANSWERED_KEPT + 4}",
        "ben",
        "Bash: ls",
    )
    assert state.recent[-1].text == "edited and allowed Bash rm x by ben"


def test_tokens_count_in_the_trend_while_they_are_written_and_once() -> None:
    def wrote(tokens: int) -> ev.TurnProgress:
        return ev.TurnProgress(session="a1", words=tokens, tokens=tokens, seconds=1.0, rate=10.0)

    ended = ev.TurnEnded(request="r", session="a1", ok=True, outcome="answered", duration=9.0, tokens_out=52)
    writing = told(STARTED, SESSION, wrote(10), wrote(25), wrote(5))  # the last of another block
    assert sum(bucket.tokens for bucket in writing.state.buckets) == 30
    over = told(STARTED, SESSION, wrote(10), wrote(25), wrote(5), ended, wrote(7))
    assert sum(bucket.tokens for bucket in over.state.buckets) == 52 + 7


def test_a_session_has_a_trend_of_what_it_wrote_in_the_last_minutes() -> None:
    projection, number = told(STARTED, SESSION), 2

    def at(seconds: float, event: AnyEvent) -> list[int]:
        nonlocal number
        number += 1
        projection.apply(EventEnvelope(number, 3000.0 + seconds, event))
        return projection.state.sessions["a1"].trend

    def wrote(tokens: int) -> ev.TurnProgress:
        return ev.TurnProgress(session="a1", words=tokens, tokens=tokens, seconds=1.0, rate=10.0)

    assert at(1, wrote(10))[-1] == 10
    assert at(29, wrote(25))[-1] == 25
    assert at(31, wrote(30))[-2:] == [25, 5]
    ended = ev.TurnEnded(request="r", session="a1", ok=True, outcome="answered", duration=9.0, tokens_out=52)
    assert at(95, ended)[-4:] == [25, 5, 0, 22]
    assert at(3000, wrote(1)) == [0] * (TREND_SLOTS - 1) + [1]


def test_a_session_says_how_full_its_context_is_until_it_has_another_conversation() -> None:
    ended = ev.TurnEnded(request="r", session="a1", ok=True, outcome="answered", duration=1.0, model="m", context=90)
    known = ev.TurnEnded(
        request="r", session="a1", ok=True, outcome="answered", duration=1.0, context=150, context_window=200
    )
    lost = ev.TurnEnded(request="r", session="a1", ok=False, outcome="lost", duration=1.0)

    def facts(*events: AnyEvent) -> tuple[str, int, int]:
        row = told(STARTED, SESSION, *events).state.sessions["a1"]
        return row.model, row.context, row.context_window

    assert facts(ended) == ("m", 90, 0)
    assert facts(ended, known, lost) == ("m", 150, 200)
    bound = ev.SessionBound(session="a1", conversation="c2", user="ana")
    assert facts(ended, known, bound) == ("m", 0, 200)
    assert facts(bound, ended, bound) == ("m", 90, 0)
