"""Group `recovery`: what classifying an error and guarding a call cost, how soon a breaker opens, what it opens on.

The policies run on a virtual clock with seeded calls; CPU is this process's own. Whole outages are `quarterdeck chaos`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.base.clock import ManualClock, SystemClock
from engine.base.errors import ErrorKind
from engine.bench.figures import Figure, at_most, figure
from engine.events.bus import Bus
from engine.offline_model.faults import FAULTS
from engine.recovery.breakers.breaker import Breaker, Permit
from engine.recovery.breakers.guard import BreakerGuard
from engine.recovery.breakers.limits import BreakerLimits, breaker_limits
from engine.recovery.breakers.registry import Breakers
from engine.recovery.classify.classifier import Classifier
from engine.recovery.classify.evidence import Evidence
from engine.recovery.classify.rules import shipped_rules
from engine.recovery.retry.budget import Budget
from engine.settings.schema import Settings

Progress = Callable[[str], None]
GUARDS = ("credential:default", "model:default")
_CLASSIFY_US, _GUARD_US, _OPEN_S = 200.0, 5.0, 1.0
_RATE = 20.0
_HEALTHY_S = 60.0
_NOISE = 0.05


@dataclass(frozen=True)
class Size:
    """Errors classified, calls guarded, calls with noise."""

    errors: int = 20_000
    guarded: int = 100_000
    noisy: int = 10_000


FULL, QUICK = Size(), Size(errors=4000, guarded=20_000)


def measure(folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:  # noqa: ARG001 - nothing is kept
    """All figures of the group."""
    progress("classifier")
    rows = [_classify(size)]
    progress("breakers and retry")
    return [*rows, _bookkeeping(size), *_opens(), _noise(size, seed), *_outage()]


def _classify(size: Size) -> Figure:
    classifier = Classifier(shipped_rules(), clock=SystemClock())
    texts = [
        f"API Error: {fault.status} {fault.body('claude', 'req_bench').decode('utf-8', 'replace')}"
        for fault in FAULTS.values()
    ]
    known = [Evidence(text=f"{text} request {number}", failed=True) for number, text in enumerate(texts)]
    for evidence in known:
        classifier.classify(evidence)
    began = time.process_time()
    for number in range(size.errors):
        classifier.classify(known[number % len(known)])
    each = 1e6 * (time.process_time() - began) / size.errors
    against = f"{size.errors} errors of the offline model's {len(known)} kinds"
    return at_most("classification, CPU an error", each, "µs", _CLASSIFY_US, against=against)


def _bookkeeping(size: Size) -> Figure:
    """What a call that works pays for its breakers and the retry budget."""
    clock = SystemClock()
    breakers, budget = Breakers(BreakerLimits, Bus(clock), clock), Budget(500)
    gate = BreakerGuard(breakers, lambda _session, _reason: None)
    began = time.process_time()
    for _ in range(size.guarded):
        with gate.call(GUARDS) as call:
            call.answered()
        budget.worked()
    each = 1e6 * (time.process_time() - began) / size.guarded
    against = f"{size.guarded} calls through {len(GUARDS)} breakers"
    return at_most("breakers + retry bookkeeping on a success, CPU", each, "µs", _GUARD_US, against=against)


def _opens() -> list[Figure]:
    """From the first call that fails, and from the start of the first one that hangs, on the shipped defaults."""
    limits = breaker_limits(Settings())
    failing, hung = Breaker(limits), Breaker(limits)
    for breaker in (failing, hung):
        for n in range(int(_RATE * _HEALTHY_S)):
            breaker.succeeded(_permit(breaker, n / _RATE), n / _RATE)
    refused = _seconds_to_open(failing, ends=True)
    waiting = _seconds_to_open(hung, ends=False)
    load = f"{_RATE:g} calls a second on a virtual clock, shipped defaults"
    slow = f"{load}: a call counts as slow after {limits.slow_call:g} s"
    return [
        at_most("failing calls to an open breaker", refused, "s", _OPEN_S, against=load),
        at_most("hung calls to an open breaker", waiting, "s", limits.slow_call + _OPEN_S, against=slow),
    ]


def _seconds_to_open(breaker: Breaker, *, ends: bool) -> float:
    began = now = _HEALTHY_S + breaker.limits.window  # the window holds none of the healthy calls any more
    while not breaker.history:
        if isinstance(permit := breaker.acquire(now), Permit) and ends:
            breaker.failed(permit, now, "HTTP 529")
        breaker.tick(now)
        now += 1 / _RATE
    return breaker.history[0].at - began


def _noise(size: Size, seed: int) -> Figure:
    rng, breaker = random.Random(seed), Breaker(BreakerLimits())  # noqa: S311 - load, not secrets
    for n in range(size.noisy):
        now = n / _RATE
        breaker.load = rng.random()
        if isinstance(permit := breaker.acquire(now), Permit):
            if rng.random() < _NOISE:
                breaker.failed(permit, now)
            else:
                breaker.succeeded(permit, now)
    against = f"{size.noisy} calls, {_NOISE:.0%} of which fail, at any load"
    return at_most("false opens", len(breaker.history), "times", 0, against=against)


def _outage() -> list[Figure]:
    """An outage of 5 minutes at 20 calls a second: what reaches the API, and what retries add at most."""
    clock, seconds = ManualClock(), 300
    breakers, budget = Breakers(BreakerLimits, Bus(clock), clock), Budget(500)
    calls = retries = 0
    for _ in range(int(_RATE * seconds)):
        clock.advance(1 / _RATE)
        breaker = breakers.record(GUARDS[1]) if not breakers.knows(GUARDS[1]) else breakers.get(GUARDS[1])
        if isinstance(permit := breaker.acquire(clock.monotonic()), Permit):
            calls += 1
            breaker.failed(permit, clock.monotonic(), "HTTP 529")
            retries += budget.take(ErrorKind.RESOURCE) is not None
    healthy = _RATE * seconds
    return [
        at_most("calls in a 5 minute outage", calls, "calls", 0.01 * healthy, against=f"{healthy:g} when healthy"),
        figure("retries that they were granted", retries, "retries", against="a budget of 500 tokens"),
    ]


def _permit(breaker: Breaker, now: float) -> Permit:
    answer = breaker.acquire(now)
    if not isinstance(answer, Permit):
        raise TypeError(f"the breaker opened on healthy calls: {answer.reason}")
    return answer
