"""Breakers, the retry budget, and the classification of errors: what an attempt is judged by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.base.errors import ErrorKind
from engine.events.types import RecoveryMeasured
from engine.maintenance import Maintenance
from engine.parts.core import Core
from engine.parts.part import Part
from engine.recovery.breakers.breaker_keys import CREDENTIAL_BREAKER
from engine.recovery.breakers.limits import breaker_limits
from engine.recovery.breakers.registry import Breakers
from engine.recovery.breakers.tools import Tools
from engine.recovery.breakers.trip_policies import named_trip
from engine.recovery.classify.learned_rules import LearnedRules
from engine.recovery.classify.service import STORE, ClassificationService
from engine.recovery.retry.budget import Budget
from engine.recovery.retry.policy import TypePolicy, retry_policy
from engine.recovery.statistics import RecoveryStatistics
from engine.settings.schema import Settings


class Resilience(Part):
    """Owner of breakers, budget, retry policy, classifier and error figures; a breaker that opens calls `opened`."""

    name = "breakers and retry"

    def __init__(self, core: Core, opened: Callable[[str], None]) -> None:
        settings = core.settings
        self._notify = core.notice
        self.breakers = Breakers(
            lambda: breaker_limits(core.settings), core.bus, core.clock, opened, named_trip(settings, core.notice)
        )
        self.breakers.watch(CREDENTIAL_BREAKER)
        self.budget = Budget(settings.retry.budget)
        self._bus = core.bus
        self._measured: RecoveryMeasured | None = None
        self._stated = self.retry = retry_policy(settings)
        self._by_type: dict[ErrorKind, TypePolicy] = {}
        learned = LearnedRules(core.state / STORE, core.clock)
        self.classification = ClassificationService(settings.recovery.rules, learned, core.clock)
        self.tools = Tools(self.breakers, lambda: self.classification.classify)
        self.statistics = RecoveryStatistics()
        core.bus.listen(self.statistics.apply)

    async def open(self) -> None:
        """Open the store of learned rules."""
        self.classification.learned.open()

    def configure(self, before: Settings, after: Settings) -> None:
        """Other limits, other policies, other rules."""
        trip = (
            named_trip(after, self._notify) if before.circuit_breaker.policy != after.circuit_breaker.policy else None
        )
        if before.recovery.rules != after.recovery.rules:
            self.classification.use(after.recovery.rules)
        self._stated = retry_policy(after)
        self._set_types(self._by_type)
        self.breakers.configure(breaker_limits(after))
        if trip is not None:
            self.breakers.use(trip)
        self.budget.resize(after.retry.budget)

    def add_chores(self, maintenance: Maintenance) -> None:
        """The figures of breakers and budget are published when they change."""
        maintenance.add("the figures of the breakers", self._measure, essential=False)

    def _measure(self) -> None:
        budget = self.budget
        measured = RecoveryMeasured(
            breakers=self.breakers.figures(), budget=budget.tokens, budget_size=budget.size, refused=budget.refused
        )
        if measured != self._measured:
            self._measured = measured
            self._bus.publish(measured)

    def set_retry_policy(self, kind: ErrorKind, policy: TypePolicy | None) -> None:
        """A whole policy for one type of error, whatever the settings state; None takes it back."""
        others = {name: each for name, each in self._by_type.items() if name is not kind}
        self._set_types(others if policy is None else {**others, kind: policy})

    def _set_types(self, by_type: dict[ErrorKind, TypePolicy]) -> None:
        """Decide by what the settings state of each type, and by these before them."""
        self._by_type = by_type
        self.retry = replace(self._stated, by_type={**self._stated.by_type, **by_type})

    async def aclose(self) -> None:
        """Close the store."""
        self.classification.close()
