"""Conditions of alerts: what is read, what is refused by name, whom they hold for."""

from __future__ import annotations

import pytest

from engine.alerts.readings import AlertReadings, readings_of
from engine.base.errors import SettingsError
from engine.events.state import State
from engine.events.types import PoolMeasured
from engine.recovery.statistics import RecoveryStatistics
from engine.settings.alert_conditions import FIGURES, parse
from engine.settings.alert_rules import EVENTS, SHIPPED, read_rows, rules_of
from engine.settings.load import load_settings
from tests.events.samples import ONE_OF_EACH


@pytest.mark.parametrize(
    ("text", "reading", "holds"),
    [
        ("availability < 0.99", {"availability": 0.98}, True),
        ("availability < 0.99", {"availability": 0.99}, False),
        ("availability < 0.99", {}, False),
        ("queue_waiting>=100", {"queue_waiting": 100}, True),
        ("errors != 3", {"errors": 3}, False),
        ("errors == 3 AND requests > 1e1", {"errors": 3, "requests": 11}, True),
        ("errors == 3 and requests > 10", {"errors": 3, "requests": 10}, False),
    ],
)
def test_a_condition_holds_or_does_not(text: str, reading: dict[str, float], holds: bool) -> None:
    readings = {name: {"": float(value)} for name, value in reading.items()}
    assert bool(parse(text).holding(readings)) is holds


def test_a_figure_by_subject_holds_for_each_apart() -> None:
    readings = {"breaker_open": {"model:a": 1.0, "model:b": 1.0}, "errors": {"": 5.0}}
    assert parse("breaker_open >= 1").holding(readings) == {"model:a": 1.0, "model:b": 1.0}
    assert parse("errors > 4 and breaker_open >= 1").holding(readings) == {"model:a": 1.0, "model:b": 1.0}
    assert parse("errors > 5 and breaker_open >= 1").holding(readings) == {}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"when": "availabilty < 0.9"}, "no figure 'availabilty'; the nearest is availability"),
        ({"when": "availability =< 0.9"}, "no operator '=<'; the nearest is <="),
        ({"when": "availability < 9"}, "9 is out of range: availability lies from 0 to 1"),
        ({"when": "errors > -1"}, "-1 is out of range"),
        ({"when": "__import__('os').system('x') > 1"}, "is no comparison"),
        ({"when": "errors > 1 or errors < 2"}, "is no comparison"),
        ({"when": ""}, "is no comparison"),
        ({"when": "errors > " + "1" * 400}, "over 300 characters"),
        ({"when": "event:engine_stoped"}, "the nearest is engine_stopped"),
        ({"when": "event:alert_raised"}, "no event 'alert_raised'"),
        ({"when": "event:engine_stopped", "for": "5s"}, "leave `for` out"),
        ({"when": "errors > 1", "for": "2d"}, "`for` is over 1d"),
        ({"when": "errors > 1", "for": "soon"}, "not a duration"),
        ({"when": "errors > 1", "severity": "critcal"}, "the nearest is critical"),
        ({"when": "errors > 1", "remdy": "x"}, "the nearest is remedy"),
        ({"when": "errors > 1", "name": "No Name"}, "its name must be"),
    ],
)
def test_a_wrong_rule_is_refused_by_name(row: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match="rule") as caught:
        read_rows([{"name": "right", "when": "errors > 1"}, {"name": "wrong", **row}])
    assert words in str(caught.value)
    assert f"rule {'2' if 'name' in row else 'wrong'}:" in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("alerts.rules=hello", "a list of rules, each with name, when"),
        ("alerts.rules=[a]", "rule 1"),
        ("alerts.rules=[{name: a, when: errors > 1}, {name: a, when: errors > 2}]", "a is there twice"),
        ("alerts.channels=[webhok]", "the nearest to webhok is webhook"),
        ("alerts.channels=[webhook]", "alerts.webhook.url"),
        ("alerts.channels=[command]", "alerts.command.argv"),
        ("alerts.webhook.url=ftp://x", "http:// or https://"),
        ("alerts.webhook.timeout=0s", "from 100ms to 1m"),
    ],
)
def test_wrong_settings_name_the_key_and_what_is_allowed(setting: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(None, [setting], {"HOME": "/nonexistent"}, None)
    assert words in str(caught.value)
    assert setting.partition("=")[0] in str(caught.value)


def test_the_shipped_rules_are_right_and_every_figure_is_read() -> None:
    assert len(rules_of(SHIPPED)) == len(SHIPPED) >= 8
    assert "orphans_reaped" in EVENTS
    statistics = RecoveryStatistics()
    pool = next(event.pool for event in ONE_OF_EACH if isinstance(event, PoolMeasured))
    seen = AlertReadings(statistics.figures("5m", 0.0), State(), pool, ["model:x"], (0.5, 0.25))
    read = readings_of(seen, 0.0)
    unknown_without_traffic = {
        "availability", "retry_success", "p95_detect", "p50_recover", "p95_recover", "mttr", "mtbf",
    }  # fmt: skip
    assert read.keys() == FIGURES.keys() - unknown_without_traffic
    assert read["memory_used"] == {"": 0.25}
    assert read["breaker_open"] == {"model:x": 1.0}
