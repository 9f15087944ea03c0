"""The commands on errors and alerts, for people, scripts and programs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.test_live import as_json, plain
from tests.support.headless import Headless, headless, quarterdeck
from tests.support.processes import wait_until

RULE = "alerts.rules=[{name: breaker-open, when: breaker_open >= 1, remedy: wait}]"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headless]:
    """A running engine whose one breaker has opened by an error."""
    settings = (RULE, "circuit_breaker.failure_threshold=1", "retry.max_attempts=1")
    with headless(tmp_path_factory.mktemp("home"), settings=settings) as running:
        running.send("[[fault: http500]]", id="r1")
        wait_until(lambda: running.call("GET", "/api/alerts")["alerts"])
        yield running


def test_errors_are_listed_with_class_and_rule(engine: Headless) -> None:
    (row,) = plain(engine, "errors")
    assert (row[0], row[3], row[4]) == ("r1.1", "server-error", "failed")
    assert as_json(engine, "errors", "list")[0]["id"] == "r1.1"
    assert as_json(engine, "errors", "list", "--type", "auth") == []


def test_statistics_are_told_by_window(engine: Headless) -> None:
    shown = dict(plain(engine, "errors", "statistics", "--window", "5m"))
    assert (shown["window"], shown["errors"], shown["mttr"]) == ("5m", "1", "nothing happened")
    assert as_json(engine, "errors", "statistics")["breaker_changes"] == {"model:default": 1}
    assert quarterdeck(engine.home, "errors", "statistics", "--window", "2h").returncode == 2


def test_a_class_is_corrected_and_forgotten(engine: Headless) -> None:
    fact = quarterdeck(engine.home, "errors", "correct", "r1.1", "network")
    assert (fact.returncode, "a fact outranks what is taught" in fact.stderr) == (2, True)
    lesson = {"type": "network", "text": "the tin can telephone lost its string"}
    rule = engine.call("POST", "/api/errors/rules", lesson)["rule"]
    assert (rule["type"], rule["learned"]) == ("network", True)
    assert plain(engine, "classify", "forget", rule["id"]) == [[f"{rule['id']} is forgotten."]]
    done = quarterdeck(engine.home, "errors", "correct", "r9.1", "network")
    assert (done.returncode, "There is no error r9.1." in done.stderr) == (2, True)


def test_alerts_and_their_rules_are_listed_and_logged(engine: Headless) -> None:
    (row,) = plain(engine, "alerts")
    assert row[:4] == ["breaker-open", "model:default", "firing", "warning"]
    assert as_json(engine, "alerts", "list")[0]["remedy"] == "wait"
    assert plain(engine, "alerts", "rules") == [["breaker-open", "breaker_open >= 1", "0s", "warning", "wait"]]
    wait_until(lambda: engine.logged("alert"))
    (line,) = [line for line in engine.logged("alert") if line["alert"] == "breaker-open"]
    assert (line["level"], line["subject"], line["state"]) == ("warning", "model:default", "firing")
    assert engine.logged("alert_raised") == []


def test_an_alert_is_silenced_and_told_again(engine: Headless) -> None:
    (words,) = plain(engine, "alerts", "silence", "breaker-open", "--for", "30m")
    assert words[0].startswith("breaker-open is silenced until ")
    assert as_json(engine, "alerts")[0]["silenced_until"] > 0
    assert plain(engine, "alerts", "unsilence", "breaker-open") == [["breaker-open is no longer silenced."]]
    for arguments, said in (
        (["silence", "breaker-opn"], "The nearest is breaker-open."),
        (["silence", "breaker-open", "--for", "soon"], "not a duration"),
        (["unsilence", "breaker-open"], "is not silenced"),
        (["test", "webhook"], "The webhook has no address."),
        (["test", "pigeon"], "'pigeon' is not one of"),
    ):
        done = quarterdeck(engine.home, "alerts", *arguments)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_a_channel_is_tested(engine: Headless) -> None:
    assert plain(engine, "alerts", "test", "log") == [["log was notified."]]
    wait_until(lambda: [line for line in engine.logged("alert") if line["alert"] == "test"])
    assert as_json(engine, "alerts", "test", "console") == {"notified": "console"}
