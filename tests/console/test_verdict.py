"""The one health sentence in every state it can be in, and what needs a person."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events.reducers.projection import Projection
from engine.events.state import (
    AlertView,
    Bucket,
    EngineView,
    PermissionView,
    RecentLine,
    RequestView,
    SessionView,
    State,
)
from engine.events.types import SessionState, Severity
from tests.console import scene
from tests.support.console import plain
from tui.actions.keymap import CAME_ALONG
from tui.model.attention import attention
from tui.model.health import View, verdict
from tui.model.link import FeedStatus, LinkState
from tui.model.trends import measure
from tui.render.spans import width_of
from tui.screens.header import banners, health_line, where_line, whole_reasons
from tui.screens.overview_lines import composition

NOW = scene.NOW
LIVE = FeedStatus(LinkState.LIVE, "a test")
VIEW = View(now=NOW, keys=CAME_ALONG)


def _state(**changes: object) -> State:
    return msgspec.structs.replace(State(at=NOW, engine=EngineView(phase="running", started_at=NOW - 60)), **changes)


def _alert(severity: Severity, silenced_until: float = 0.0) -> AlertView:
    return AlertView("r", "", severity, "too many errors", "look", NOW - 9, 4.0, silenced_until)


def _row(state: SessionState, **changes: object) -> SessionView:
    return msgspec.structs.replace(SessionView("s0001", state=state, since=NOW - 5), **changes)


def _waiting(seconds: float) -> dict[str, RequestView]:
    return {"r1": RequestView("r1", "ana", "default", "default", "medium", "hi", NOW - seconds)}


ASKED = {"p1": PermissionView("p1", "s0001", "Bash", "rm x", NOW - 130, NOW + 60)}
RUNNING = {"s0001": _row(SessionState.RUNNING, request="r9")}
FAILED = [_row(SessionState.FAILED, last_error="gone")]
DISK = [RecentLine(1, NOW - 5, "notice", "engine", "disk full", Severity.CRITICAL, "free some")]

SENTENCES: dict[str, tuple[State, FeedStatus, View, str]] = {
    "well": (_state(), LIVE, VIEW, "● HEALTHY nothing needs you"),
    "well, asked": (_state(permissions=ASKED), LIVE, VIEW, "● HEALTHY ? 1 approval, oldest 2m10s ! review"),
    "breaker": (
        _state(breakers={"credential:a": "open", "credential:b": "closed"}),
        LIVE, VIEW, "▲ DEGRADED credential:a open",
    ),
    "half open": (
        _state(breakers={"credential:a": "half_open"}, permissions=ASKED),
        LIVE, VIEW, "▲ DEGRADED credential:a half-open · ? 1 approval, oldest 2m10s ! review",
    ),
    "all breakers": (
        _state(breakers={"credential:a": "open", "credential:b": "forced_open", "model:m": "closed"}), LIVE, VIEW,
        "✖ CRITICAL the breakers of all 2 credentials are open",
    ),
    "the only breaker": (
        _state(breakers={"credential:a": "open"}), LIVE, VIEW, "✖ CRITICAL credential:a open",
    ),
    "the only model's breaker": (
        _state(breakers={"model:default": "open", "credential:a": "closed"}), LIVE, VIEW,
        "✖ CRITICAL model:default open",
    ),
    "one model's breaker of two": (
        _state(breakers={"model:default": "open", "model:opus": "closed"}), LIVE, VIEW,
        "▲ DEGRADED model:default open",
    ),
    "the breaker of a tool alone": (
        _state(breakers={"tool:WebFetch": "open"}), LIVE, VIEW, "▲ DEGRADED tool:WebFetch open",
    ),
    "an alert": (
        _state(alerts={"r/": _alert(Severity.WARNING)}), LIVE, VIEW, "▲ DEGRADED too many errors",
    ),
    "a critical alert": (
        _state(alerts={"r/": _alert(Severity.CRITICAL)}), LIVE, VIEW, "✖ CRITICAL too many errors",
    ),
    "a silenced alert": (
        _state(alerts={"r/": _alert(Severity.CRITICAL, NOW + 60)}), LIVE, VIEW, "● HEALTHY nothing needs you",
    ),
    "failed": (_state(ended=FAILED), LIVE, VIEW, "▲ DEGRADED 1 session failed"),
    "failed long ago": (
        _state(ended=[_row(SessionState.FAILED, since=NOW - 301)]), LIVE, VIEW, "● HEALTHY nothing needs you",
    ),
    "retrying": (
        _state(sessions={"s0001": _row(SessionState.RETRYING)}), LIVE, VIEW, "▲ DEGRADED 1 retrying",
    ),
    "errors": (
        _state(buckets=[Bucket(NOW - 10, turns=10, errors=3)]), LIVE, VIEW, "▲ DEGRADED 3 errors in the last minute",
    ),
    "few errors among many turns": (
        _state(buckets=[Bucket(NOW - 10, turns=100, errors=3)]), LIVE, VIEW, "● HEALTHY nothing needs you",
    ),
    "late queue": (_state(requests=_waiting(11), sessions=RUNNING), LIVE, VIEW, "▲ DEGRADED queue waits 11s"),
    "stuck queue": (
        _state(requests=_waiting(61)), LIVE, VIEW, "✖ CRITICAL nothing runs and the queue waits 1m01s",
    ),
    "critical notice": (_state(recent=DISK), LIVE, VIEW, "✖ CRITICAL disk full"),
    "unreadable": (_state(), LIVE, replace(VIEW, unreadable=2), "▲ DEGRADED 2 events could not be read"),
    "draining": (
        _state(engine=EngineView(phase="draining"), sessions=RUNNING), LIVE, VIEW,
        "▲ DRAINING no new work is taken · 1 turn still running",
    ),
    "frozen": (
        _state(), LIVE, replace(VIEW, frozen_at=NOW - 18, meanwhile=("2 new errors",)),
        "‖ FROZEN view held at 14:02:13 (18s) · 2 new errors · pool runs on: ● HEALTHY f unfreeze",
    ),
    "read-only": (
        _state(), LIVE, replace(VIEW, read_only=True),
        "r READ-ONLY ● HEALTHY · nothing needs you ctrl+r actions are off",
    ),
    "connecting": (_state(), FeedStatus(LinkState.CONNECTING, "engine"), replace(VIEW, has_data=False),
                   "◌ CONNECTING engine"),
    "lost": (
        _state(), FeedStatus(LinkState.LOST, "unix:x", "refused", 4, 6.0), replace(VIEW, age=18.0),
        "■ NO ENGINE last data 18s old · retry 4 in 6s · refused",
    ),
    "never there": (
        _state(), FeedStatus(LinkState.LOST, "the engine", "no CLI"), replace(VIEW, has_data=False, can_retry=True),
        "■ NO ENGINE nothing heard from the engine · no CLI r retry now",
    ),
    "stopped": (
        _state(engine=EngineView(phase="stopped")), LIVE, VIEW, "■ NO ENGINE the engine has stopped q quit",
    ),
    "replay": (
        _state(), FeedStatus(LinkState.REPLAY, "rec.flight.jsonl", "×4"), VIEW, ("▶ REPLAY rec.flight.jsonl · ×4 "
        "· 14:02:31 space play  + - speed"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SENTENCES)
def test_the_health_sentence(name: str) -> None:
    state, status, view, sentence = SENTENCES[name]
    found = verdict(state, status, view)
    assert " ".join(filter(None, (found.glyph, found.word, found.sentence, found.hint))) == sentence
    line = plain(health_line(found, state, NOW, 200))
    assert f" {found.glyph} {found.word} " in line
    assert found.hint in line


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", SENTENCES)
def test_the_health_line_fits_and_never_cuts_a_reason_but_the_first(name: str, width: int) -> None:
    state, status, view, _sentence = SENTENCES[name]
    found = verdict(state, status, view)
    line = health_line(found, state, NOW, width)
    assert width_of(line) == width
    said = plain(line)
    for reason in found.reasons[1:]:
        assert reason in said or reason[:6] not in said


def test_reasons_are_dropped_whole_and_counted() -> None:
    assert whole_reasons(("one reason", "another one", "third"), 40) == "one reason · another one · third"
    assert whole_reasons(("one reason", "another one", "third"), 30) == "one reason · another one · +1"
    assert whole_reasons(("one reason", "another one", "third"), 5) == "one reason"


def test_what_needs_a_person_comes_by_urgency_and_each_line_opens_something() -> None:
    projection = Projection()
    for stamped in scene.tape():
        projection.apply(stamped)
    lines = attention(projection.state, NOW)
    assert [(line.glyph, line.subject) for line in lines] == [
        ("?", "2 approvals"),
        ("▲", "credential:acct-3 half-open"),
        ("✖", "1 session failed"),
        ("▲", "1 session retrying"),
    ]
    assert (lines[0].detail, lines[0].filter_text) == ("Bash 1 · Write 1", "state:approval")
    assert (lines[2].session, lines[2].detail) == ("s0011", "s0011  The agent ended (signal 6)")
    assert all(line.session or line.screen or line.filter_text for line in lines)


@pytest.mark.parametrize(
    ("state", "subject", "opens"),
    [
        (_state(permissions=ASKED), "1 approval", "s0001"),
        (_state(recent=DISK), "engine", ""),
        (_state(requests=_waiting(30)), "queue 1", ""),
        (_state(engine=EngineView(phase="draining")), "draining", ""),
    ],
)
def test_one_trouble_is_one_line(state: State, subject: str, opens: str) -> None:
    (line,) = attention(state, NOW)
    assert (line.subject, line.session) == (subject, opens)


def test_alerts_come_worst_first_without_those_that_are_silenced_or_said_already() -> None:
    def alert(rule: str, severity: Severity, subject: str = "", silenced_until: float = 0.0) -> AlertView:
        return AlertView(rule, subject, severity, "much", "do less", NOW - 90, 3.0, silenced_until)

    alerts = [
        alert("queue-long", Severity.WARNING),
        alert("availability-low", Severity.CRITICAL),
        alert("errors-many", Severity.CRITICAL, silenced_until=NOW + 1),
        alert("breaker-open", Severity.CRITICAL, subject="model:x"),
    ]
    state = _state(alerts={each.rule: each for each in alerts}, breakers={"model:x": "open"})
    lines = [(line.glyph, line.subject, line.since, line.detail) for line in attention(state, NOW)]
    assert lines[0][1] == "model:x open"
    assert lines[1:] == [
        ("✖", "availability-low", "1m30s", "much  do less"),
        ("▲", "queue-long", "1m30s", "much  do less"),
    ]


def test_a_pool_that_is_well_needs_nobody() -> None:
    assert attention(_state(), NOW) == []


def test_the_critical_notice_names_its_remedy() -> None:
    (line,) = attention(_state(recent=DISK), NOW)
    assert line.detail == "disk full  free some"


@pytest.mark.parametrize(
    ("width", "banner"),
    [
        (190, "SIMULATOR: no API key and no `claude login`, demo traffic"),
        (160, "SIMULATOR · demo traffic"),
        (120, "SIMULATOR: no API key and no `claude login`, demo traffic"),
        (80, "SIMULATOR · demo traffic"),
        (70, "SIMULATOR · demo"),
        (60, "SIMULATOR · demo"),
    ],
)
def test_demo_traffic_of_the_simulator_is_told_at_every_width(width: int, banner: str) -> None:
    engine = EngineView(demo=True, banner="SIMULATOR: no API key and no `claude login`, demo traffic")
    line = where_line("prod-eu", "overview", banners(engine), "●2Hz 14:02:31", width)
    assert banner in plain(line)
    assert width_of(line) == width


@given(st.integers(60, 200))
def test_the_counts_are_never_cut_and_have_their_words_where_there_is_room(width: int) -> None:
    projection = Projection()
    for stamped in scene.tape():
        projection.apply(stamped)
    counts, bar = composition(projection.state, 1, measure(projection.state.buckets, NOW, 20), width)
    assert width_of(counts) == width
    assert width_of(bar) == width - 1
    assert "…" not in plain(counts)
    assert ("5 running" in plain(counts)) is (width >= 99)


def test_a_real_pool_has_no_banner() -> None:
    assert banners(EngineView(backend="claude")) == ()
