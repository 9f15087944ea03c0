"""Limits of plans: known by credential and kind, shown everywhere alike, and waited for."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from engine.api.flow_metrics import flow_metrics
from engine.base.clock import ManualClock
from engine.base.errors import TurnFailed
from engine.events import types as ev
from engine.events.quota_state import QUOTAS_KEPT
from engine.events.reducers.projection import Projection
from engine.events.state import State
from engine.events.types import EventEnvelope
from engine.operations.declared.queue import QUEUE_STATISTICS
from engine.operations.operation import NoArguments
from engine.recovery.classify.classifier import Classifier
from engine.recovery.classify.evidence import of_outcome
from engine.recovery.classify.rules import shipped_rules
from engine.requests import Request
from engine.sessions import protocol_events as f
from engine.sessions.outcome import Written, judge
from tests.sessions import wire
from tests.support.engines import running
from tests.support.operations import execute

CLI = Path(__file__).parents[1] / "support" / "plan_limited_cli.py"
REJECTED = {"status": "rejected", "resetsAt": 4600.0, "rateLimitType": "five_hour"}


def state_after(*events: ev.AnyEvent) -> State:
    """The state after these events, a second apart from 1001 on."""
    projection = Projection()
    for number, event in enumerate(events, 1):
        projection.apply(EventEnvelope(number, 1000.0 + number, event))
    return projection.state


@pytest.mark.parametrize(
    ("line", "resets_at"),
    [
        (REJECTED, 4600.0),
        ({**REJECTED, "isUsingOverage": True}, None),
        ({**REJECTED, "status": "allowed_warning"}, None),
        ({**REJECTED, "resetsAt": 1_792_137_600_000.0}, 1_792_137_600.0),
        ({**REJECTED, "resetsAt": -5}, None),
        ({**REJECTED, "resetsAt": None, "utilization": 1.2, "rateLimitType": None}, None),
        ({"status": "rejected"}, None),
    ],
)
def test_a_turn_that_a_limit_refuses_knows_when_it_resets(line: dict[str, object], resets_at: float | None) -> None:
    machine = wire.machine()
    machine.begin("hi")
    (reported, *_) = machine.feed(wire.line({"type": "rate_limit_event", "rate_limit_info": line}))
    assert isinstance(reported, f.LimitReported)
    failed = wire.result("u1", is_error=True, result="You've hit your limit", api_error_status=429)
    (*_, finished) = machine.feed(failed)
    assert isinstance(finished, f.TurnFinished)
    outcome = judge(finished.result, Written(resets_at=finished.resets_at), interrupted=False)
    verdict = Classifier(shipped_rules(), clock=ManualClock(start=1000.0)).classify(of_outcome(outcome))
    assert (outcome.resets_at, verdict.retry_after_s) == (resets_at, resets_at and resets_at - 1000.0)


def test_a_change_is_noted_once_and_a_window_that_is_over_is_forgotten() -> None:
    def limited(status: str, resets_at: float, used: float | None = None) -> ev.RateLimited:
        return ev.RateLimited(session="s1", status=status, limit="five_hour", resets_at=resets_at, used=used)

    warned = limited("allowed_warning", 1004.5, 0.82)
    state = state_after(limited("allowed", 1004.5), warned, warned, limited("rejected", 1004.5))
    assert [line.text for line in state.recent] == [
        "plan limit five_hour: allowed warning",
        "plan limit five_hour: rejected",
    ]
    assert [(each.status, each.is_over(1004.0), each.is_over(1005.0)) for each in state.quotas.values()] == [
        ("rejected", False, True)
    ]
    other = ev.RateLimited(session="s1", status="allowed", limit="seven_day", resets_at=9000.0)
    state = state_after(limited("rejected", 1001.5), other, limited("allowed", 9000.0))
    assert [(each.limit, each.status) for each in state.quotas.values()] == [
        ("seven_day", "allowed"),
        ("five_hour", "allowed"),
    ]
    assert len(state.recent) == 1  # the next window begins allowed: that is nobody's news


def test_the_windows_known_are_bounded_and_the_one_reported_longest_ago_goes() -> None:
    events = [ev.RateLimited(session="s1", status="allowed", limit=f"l{number}") for number in range(QUOTAS_KEPT + 1)]
    kept = [each.limit for each in state_after(*events, events[1]).quotas.values()]
    assert (len(kept), kept[0], kept[-1]) == (QUOTAS_KEPT, "l2", "l1")


async def test_a_request_waits_for_the_reset_that_the_cli_reported(tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.write_text(f"#!{sys.executable}\n{CLI.read_text()}")
    program.chmod(0o755)
    until = time.time() + 4.0
    overrides = (
        "engine.backend=claude",
        f"claude.binary={program}",
        f"profiles.default.environment.PLAN_LIMIT_UNTIL={until}",
        "credential.api_key=sk-test",
        "recovery.wake_spread=0s",
    )
    async with running(tmp_path, *overrides) as engine:
        with pytest.raises(TurnFailed) as refused:
            await engine.submit(Request(prompt="hello"))
        left = until - time.time()
        assert refused.value.retry_after == pytest.approx(left, abs=1.0)
        assert [(each.limit, each.status) for each in engine.bus.state.quotas.values()] == [("five_hour", "rejected")]
        engine.live.propose({"recovery.park_max": "60s"}, "ana")
        answer = await engine.submit(Request(prompt="hello"))
        assert (answer.text, time.time() >= until) == ("after the reset", True)
        (window,) = engine.bus.state.quotas.values()
        assert (window.limit, window.status, window.used) == ("five_hour", "allowed", 0.02)
        assert window.credential == next(iter(engine.bus.state.sessions.values())).credential
        metrics = {metric.name: metric.samples for metric in flow_metrics(engine)}
        assert metrics["quarterdeck_quota_used_ratio"][0].value == 0.02
        assert metrics["quarterdeck_quota_rejects"][0].value == 0.0
        assert 0 < metrics["quarterdeck_quota_resets_seconds"][0].value <= 18_000
        (row,) = (await execute(engine, QUEUE_STATISTICS, NoArguments())).quotas
        assert (row.limit, row.used, row.resets_in is not None and row.resets_in > 17_000) == ("five_hour", 0.02, True)
