"""Learned rules: an operator's correction holds for errors like it, never against a fact, until it is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.base.clock import ManualClock
from engine.base.errors import BadInput, NotFound
from engine.recovery.classify.classifier import Classifier
from engine.recovery.classify.evidence import Evidence, of_line
from engine.recovery.classify.learned_rules import LearnedRules, Lesson
from engine.recovery.classify.rules import ErrorType, StrategyWord, shipped_rules
from engine.recovery.classify.service import ClassificationService

WIDGET = "widget 17 jammed in /var/spool/a9 at host-3.example.org:8080 (job 6f0e0b1e)"
LIKE_IT = "widget 99 jammed in /tmp/other at box-7.example.net:1 (job 00ff)"


def opened(folder: Path) -> LearnedRules:
    store = LearnedRules(folder / "learned.db", ManualClock(1e9))
    store.open()
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LearnedRules]:
    made = opened(tmp_path)
    yield made
    made.close()


def judge(store: LearnedRules, known: Evidence) -> tuple[str, str]:
    found = Classifier(shipped_rules(), clock=ManualClock(1e9), corrections=store).classify(known)
    return found.type.value, found.rule


def test_a_correction_holds_for_errors_that_differ_in_numbers_paths_hosts_and_ids(store: LearnedRules) -> None:
    assert judge(store, of_line(LIKE_IT)) == ("none", "healthy")
    taught = store.learn(Lesson(type=ErrorType.RESOURCE, text=WIDGET), "ana")
    assert judge(store, of_line(LIKE_IT)) == ("resource", taught.id)
    assert judge(store, of_line("widget 17 cleared in /var/spool/a9 at host:1 (job 1)")) == ("none", "healthy")
    assert (taught.rule.strategy, taught.taught_by, taught.example) == (StrategyWord.REDUCE_LOAD, "ana", WIDGET)


def test_a_correction_outranks_texts_and_never_a_fact(store: LearnedRules) -> None:
    line = "connection refused by the gatekeeper of floor 3"
    taught = store.learn(Lesson(type=ErrorType.AUTH, text=line), "ana")
    assert judge(store, of_line(line)) == ("auth", taught.id)
    assert judge(store, Evidence(text=line, failed=True, exit_code=1)) == ("auth", taught.id)
    assert judge(store, Evidence(text=line, failed=True, status=529)) == ("resource", "overloaded")
    assert judge(store, Evidence(text=line, failed=True, exit_code=-9, signal="SIGKILL"))[0] == "process"
    assert judge(store, Evidence(text=line, stderr=line, failed=False)) == ("none", "healthy")


def test_what_is_harmless_can_be_taught_too(store: LearnedRules) -> None:
    line = "Error: connection refused by the decorative fountain"
    assert judge(store, of_line(line))[0] == "network"
    store.learn(Lesson(type=ErrorType.NONE, text=line), "ana")
    assert judge(store, of_line(line))[0] == "none"


def test_two_alike_corrections_of_one_class_become_one_wider_rule(store: LearnedRules) -> None:
    store.learn(Lesson(type=ErrorType.TIMEOUT, text="job alpha of the night batch is still not done"), "ana")
    store.learn(Lesson(type=ErrorType.TIMEOUT, text="job beta of the night batch is still not done"), "ben")
    assert [rule.template for rule in store.all()] == ["job <*> of the night batch is still not done"]
    assert judge(store, of_line("job gamma of the night batch is still not done"))[0] == "timeout"


def test_the_newest_correction_of_a_text_holds(store: LearnedRules) -> None:
    store.learn(Lesson(type=ErrorType.TIMEOUT, text=WIDGET), "ana")
    store.learn(Lesson(type=ErrorType.PROCESS, text=LIKE_IT, retryable=False), "ben")
    (rule,) = store.all()
    assert (rule.rule.type, rule.rule.retryable, rule.taught_by) == (ErrorType.PROCESS, False, "ben")


def test_a_correction_outlives_the_engine_and_can_be_taken_back(tmp_path: Path) -> None:
    first = opened(tmp_path)
    taught = first.learn(Lesson(type=ErrorType.RESOURCE, text=WIDGET), "ana")
    first.close()
    second = opened(tmp_path)
    assert judge(second, of_line(LIKE_IT)) == ("resource", taught.id)
    second.forget(taught.id)
    assert judge(second, of_line(LIKE_IT)) == ("none", "healthy")
    for unknown in (taught.id, "disk-full", "learned-", "learned-1e9", "learned-" + "9" * 30):
        with pytest.raises(NotFound):
            second.forget(unknown)
    second.close()


def test_what_another_process_teaches_is_known_at_once(store: LearnedRules, tmp_path: Path) -> None:
    assert judge(store, of_line(LIKE_IT))[0] == "none"
    other = opened(tmp_path)
    taught = other.learn(Lesson(type=ErrorType.RESOURCE, text=WIDGET), "ben")
    assert judge(store, of_line(LIKE_IT))[0] == "resource"
    other.forget(taught.id)
    other.close()
    assert judge(store, of_line(LIKE_IT))[0] == "none"


@pytest.mark.parametrize("text", ["", "\n \n", "error", "17 42 0x9f", "/a/b/c http://x.example.org 12:30"])
def test_a_text_that_would_match_everything_is_refused(store: LearnedRules, text: str) -> None:
    with pytest.raises(BadInput, match="says too little") as caught:
        store.learn(Lesson(type=ErrorType.NETWORK, text=text), "ana")
    assert caught.value.field == "text"
    assert store.all() == []


def test_decisions_are_counted_by_rule_and_the_count_is_kept(tmp_path: Path) -> None:
    store = opened(tmp_path)
    clock = ManualClock(1e9)
    diagnosis = ClassificationService(None, store, clock)
    taught = store.learn(Lesson(type=ErrorType.RESOURCE, text=WIDGET), "ana")
    for line in (WIDGET, LIKE_IT, "ECONNRESET: connection reset by peer", "all is well"):
        diagnosis.classify(of_line(line))
    diagnosis.close()
    again = opened(tmp_path)
    assert again.hits() == {taught.id: 2, "connection-cut": 1, "healthy": 1}
    again.forget(taught.id)
    assert taught.id not in again.hits()
    again.close()


def test_a_broken_store_costs_the_learned_rules_and_no_decision(tmp_path: Path) -> None:
    store = opened(tmp_path)
    diagnosis = ClassificationService(None, store, ManualClock(1e9))
    store.close()
    for _ in range(100):
        assert diagnosis.classify(of_line("connection reset by peer")).rule == "connection-cut"


def test_a_file_that_is_no_store_is_moved_aside(tmp_path: Path) -> None:
    (tmp_path / "learned.db").write_text("no database at all, but long enough to be taken for one" * 40)
    store = opened(tmp_path)
    assert store.all() == []
    assert len(list(tmp_path.glob("learned.db.damaged-*"))) == 1
    store.close()
