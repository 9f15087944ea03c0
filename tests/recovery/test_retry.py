"""The retry decision."""

from __future__ import annotations

import pytest

from engine.errors import ErrorKind, QuarterdeckError, TurnFailed
from engine.recovery.retry import RetryPolicy, decide

POLICY = RetryPolicy(max_attempts=3, base_delay=1.0, max_delay=5.0)


def _decide(
    error: QuarterdeckError, attempt: int = 1, *, acted: bool = False, left: float = 1e9, policy: RetryPolicy = POLICY
):  # type: ignore[no-untyped-def]
    return decide(policy, error, attempt, acted=acted, left=left, uniform=lambda _low, high: high)


def _overloaded(retry_after: float | None = None) -> TurnFailed:
    return TurnFailed("overloaded", kind=ErrorKind.RESOURCE, retryable=True, retry_after=retry_after)


@pytest.mark.parametrize(("attempt", "delay"), [(1, 1.0), (2, 2.0)])
def test_delays_double(attempt: int, delay: float) -> None:
    assert _decide(_overloaded(), attempt).delay == delay


def test_delays_are_capped_and_jittered_below_the_cap() -> None:
    many = RetryPolicy(max_attempts=99, base_delay=1.0, max_delay=5.0)
    assert _decide(_overloaded(), 20, policy=many).delay == 5.0
    low = decide(POLICY, _overloaded(), 2, acted=False, left=1e9, uniform=lambda low, _high: low)
    assert (low.again, low.delay) == (True, 0.0)


def test_the_servers_delay_comes_first() -> None:
    assert _decide(_overloaded(retry_after=4.0)).delay == 4.0


def test_it_gives_up_with_a_reason() -> None:
    fatal = TurnFailed("bad key", kind=ErrorKind.AUTH)
    assert "fail again" in _decide(fatal).reason
    assert "3 attempts" in _decide(_overloaded(), 3).reason
    assert "not idempotent" in _decide(_overloaded(), acted=True).reason
    assert "deadline" in _decide(_overloaded(), left=0.5).reason
    assert not any(d.again for d in (_decide(fatal), _decide(_overloaded(), 3), _decide(_overloaded(), acted=True)))
