"""The policy of alerts on a time of its own: pending, firing, resolved, and told sparingly."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alerts.rules import ALERTS, EVENT_S, SILENCES, AlertChange, AlertPolicy, AlertTimes, Phase
from engine.base.errors import NotFound, Overloaded
from engine.settings.alert_conditions import parse
from engine.settings.alert_rules import AlertRule

REPEAT, CALM, HOLD = 600.0, 10.0, 5.0
BAD, GOOD = {"errors": {"": 9.0}}, {"errors": {"": 0.0}}
RULE = AlertRule("errors-many", parse("errors > 3"), HOLD)
QUICK = AlertRule("quick", parse("errors > 3"))
OPEN = AlertRule("breaker-open", parse("breaker_open >= 1"))
ORPHANS = AlertRule("orphans", parse("event:orphans_reaped", ["orphans_reaped"]))


def policy(*rules: AlertRule, kept: int = 10) -> AlertPolicy:
    """One with these rules."""
    return AlertPolicy(AlertTimes(REPEAT, CALM), kept, rules)


def said(changes: list[AlertChange]) -> list[tuple[str, bool]]:
    """The phases that alerts went to, and whether anybody was told."""
    return [(change.alert.phase.value, change.notified) for change in changes]


def test_an_alert_is_pending_then_fires_then_is_resolved() -> None:
    made = policy(RULE)
    assert made.look(BAD, 0) == []
    assert [alert.phase for alert in made.alerts(0)] == [Phase.PENDING]
    assert made.look(BAD, 4.9) == []
    (change,) = made.look(BAD, 5)
    assert (change.notified, change.alert.phase, change.alert.value, change.alert.since) == (True, Phase.FIRING, 9.0, 0)
    assert made.look(BAD, 60) == []
    assert made.look(GOOD, 61) == []
    assert made.look(GOOD, 69.9) == []
    assert said(made.look(GOOD, 70)) == [("resolved", True)]
    assert made.alerts(70) == []
    assert [(alert.rule, alert.ended) for alert in made.history()] == [("errors-many", 70)]


def test_what_lasts_less_than_its_hold_never_fires() -> None:
    made = policy(RULE)
    changes = [change for at in range(0, 100, 4) for change in made.look(BAD if at % 8 else GOOD, at)]
    assert changes == []
    assert made.history() == []


def test_an_alert_that_lasts_is_told_again_every_repeat() -> None:
    made = policy(QUICK)
    notified = [at for at in range(0, 2000, 10) for change in made.look(BAD, at) if change.notified]
    assert notified == [0, 600, 1200, 1800]


def test_one_that_fires_again_within_the_repeat_is_told_when_it_may_be() -> None:
    made = policy(QUICK)
    assert said(made.look(BAD, 0)) == [("firing", True)]
    assert said(made.look(GOOD, 20)) == [("resolved", True)]
    assert said(made.look(BAD, 30)) == [("firing", False)]
    assert made.look(BAD, 599) == []
    assert said(made.look(BAD, 600)) == [("firing", True)]


def test_subjects_are_apart_and_each_is_one_alert() -> None:
    made = policy(OPEN)
    first = made.look({"breaker_open": {"a": 1.0}}, 0)
    second = made.look({"breaker_open": {"a": 1.0, "b": 1.0}}, 1)
    assert [change.alert.subject for change in first + second] == ["a", "b"]
    assert [change.alert.subject for change in made.look({"breaker_open": {"b": 1.0}}, 12)] == ["a"]


def test_an_event_fires_at_once_and_ends_when_none_follows() -> None:
    made = policy(ORPHANS)
    (change,) = made.hear("orphans_reaped", "engine e0", "two left", 0)
    assert (change.notified, change.alert.text, change.alert.subject) == (True, "two left", "engine e0")
    assert made.hear("orphans_reaped", "engine e0", "one more", 10) == []
    assert made.hear("engine_stopped", "", "x", 10) == []
    assert made.look({}, 9 + EVENT_S) == []
    (over,) = made.look({}, 10 + EVENT_S)
    assert (over.alert.phase, over.alert.value) == (Phase.RESOLVED, 2.0)


def test_a_silence_holds_back_and_its_end_tells() -> None:
    made = policy(QUICK)
    made.silence("qui*", 100.0, "ana")
    assert said(made.look(BAD, 0)) == [("firing", False)]
    assert made.alerts(1)[0].silenced_until == 100.0
    assert made.look(BAD, 99) == []
    assert said(made.look(BAD, 100)) == [("firing", True)]
    assert made.silences(100) == []


def test_a_silence_may_be_lifted_and_what_is_not_there_is_refused() -> None:
    made = policy(QUICK)
    made.silence("quick", 100.0, "ana")
    made.unsilence("quick")
    assert said(made.look(BAD, 0)) == [("firing", True)]
    with pytest.raises(NotFound, match="not silenced"):
        made.unsilence("quick")
    with pytest.raises(NotFound) as caught:
        made.silence("quik", 100.0, "ana")
    assert "The nearest is quick." in caught.value.remedy


def test_the_end_of_an_alert_that_nobody_heard_of_is_not_told() -> None:
    made = policy(QUICK)
    made.silence("quick", 1000.0, "ana")
    made.look(BAD, 0)
    assert said(made.look(GOOD, 20)) == [("resolved", False)]


def test_alerts_of_rules_that_are_gone_or_changed_are_resolved() -> None:
    made = policy(QUICK, OPEN)
    made.look({**BAD, "breaker_open": {"a": 1.0}}, 0)
    made.use([AlertRule("quick", parse("errors > 5"))], AlertTimes(REPEAT, CALM), 10)
    phases = [(change.alert.rule, change.alert.phase.value) for change in made.look(BAD, 1)]
    assert phases == [("quick", "resolved"), ("breaker-open", "resolved"), ("quick", "firing")]


def test_everything_is_bounded() -> None:
    made = policy(OPEN, QUICK, kept=3)
    many = {f"b{number}": 1.0 for number in range(ALERTS + 20)}
    assert len(made.look({"breaker_open": many}, 0)) == ALERTS
    made.look({}, 100)
    assert len(made.history()) == 3
    for number in range(SILENCES):
        made.silence("*" * (number + 1), 1000.0, "ana")
    with pytest.raises(Overloaded):
        made.silence("quick", 1000.0, "ana")


@given(st.lists(st.tuples(st.floats(0.1, 200), st.booleans()), max_size=150), st.floats(0, 50), st.floats(0, 30))
def test_a_flapping_figure_is_told_once_a_repeat_at_most(
    steps: list[tuple[float, bool]], calm: float, hold: float
) -> None:
    made = AlertPolicy(AlertTimes(REPEAT, calm), 10, [AlertRule("quick", parse("errors > 3"), hold)])
    now, firing, notified, ends = 0.0, False, [], 0
    for wait, bad in steps:
        now += wait
        for change in made.look(BAD if bad else GOOD, now):
            if change.alert.phase is Phase.RESOLVED:
                assert firing
                firing, ends = False, ends + change.notified
            else:
                assert firing is not change.fresh
                firing = True
                notified += [now] if change.notified else []
    assert all(later - earlier >= REPEAT for earlier, later in pairwise(notified))
    assert ends <= len(notified)
    assert bool([alert for alert in made.alerts(now) if alert.phase is Phase.FIRING]) is firing
