"""Where drills take place: an engine in this process or one of its own, on the simulator or the real CLI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.bench.fixtures import OFTEN_KILLED, ROOMY
from engine.chaos.api import Api, OfflineApi, SimulatedApi
from engine.chaos.headless import HeadlessEngine
from engine.chaos.load import CLOCK
from engine.chaos.scorecard import ScorecardEvidence
from engine.chaos.target import OwnEngine, Target, monitor_of
from engine.offline_model.server import OfflineModel
from engine.settings.load import load_settings
from engine.simulated_agent.window import VARIABLE
from engine.thread import EngineThread

TUNED = (
    *ROOMY,
    "session_pool.max_turns_per_session=100000",
    "session_pool.load_balancing.health_check_interval=500ms",
    "session_pool.probe_timeout=200ms",
    "session_pool.first_byte_timeout=5s",
    "session_pool.inactivity_timeout=5s",
    *OFTEN_KILLED,
    "session_pool.auto_scaling.target_cpu=1",
    "circuit_breaker.timeout=1s",
    "circuit_breaker.longest_timeout=4s",
    "retry.base_delay=100ms",
    "retry.max_delay=2s",
    "retry.max_attempts=6",
    "retry.breaker_wait=30s",
    "recovery.credential_hold=1s",
    "recovery.ease_interval=1s",
    "engine.stop_term_grace=1s",
    "session_pool.limits.disk_floor=0",
)
"""Clocks short enough for a drill of seconds, and bounds that its strikes do not use up."""
_LEAST_BUDGET, _BUDGET_EACH = 500, 60
"""Tokens of the tuned retry budget: every session may be struck at once, and some of them twice."""
_OWN_ENGINE = ("engine.demo=off", "engine.grace=0s", "claude.extra_args=[--allowedTools=Bash]")
"""What makes it an engine of the drills' own: its work is theirs, nobody answers for it or waits for it at its end."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run; `radius` is the share of sessions or calls that a drill may hit, `binary` the real CLI or None.

    The engine runs on the shipped defaults, but for the size of its pool; `tuned` ones fit a drill of seconds.
    """

    drills: tuple[str, ...]
    seed: int = 0
    seconds: float = 120.0
    sessions: int = 20
    radius: float = 0.2
    binary: Path | None = None
    overrides: tuple[str, ...] = ()
    tuned: bool = False

    @property
    def settings(self) -> str:
        """On which settings the figures were made."""
        words = "tuned for drills" if self.tuned else "the shipped defaults"
        return ", ".join([words, *self.overrides])

    @property
    def backend(self) -> str:
        """What runs the sessions."""
        return "simulator" if self.binary is None else "claude"


@asynccontextmanager
async def own_engine(plan: Plan, folder: Path, evidence: ScorecardEvidence) -> AsyncIterator[Target]:
    """An engine in a thread of this process; its events are evidence."""
    async with _api(plan, folder) as (api, overrides):
        loaded = load_settings(None, overrides, {"HOME": str(folder)}, None)
        thread = EngineThread(loaded, on_event=monitor_of(evidence.events))
        await asyncio.to_thread(thread.start)
        try:
            yield OwnEngine(thread, api, plan.backend)
        finally:
            thread.request_stop("the drills are done")
            await asyncio.to_thread(thread.join)


@asynccontextmanager
async def headless_engine(plan: Plan, folder: Path, evidence: ScorecardEvidence) -> AsyncIterator[Target]:  # noqa: ARG001
    """An engine in a process of its own, whose callers are the only evidence."""
    async with _api(plan, folder) as (api, overrides):
        target = HeadlessEngine(folder, overrides, api, plan.backend)
        await target.start_engine()
        try:
            yield target
        finally:
            await target.aclose()


@asynccontextmanager
async def _api(plan: Plan, folder: Path) -> AsyncIterator[tuple[Api, list[str]]]:
    """The API that the sessions call, and the settings of an engine that calls it."""
    await asyncio.to_thread(folder.mkdir, parents=True)
    tuned = [*TUNED, f"retry.budget={max(_LEAST_BUDGET, _BUDGET_EACH * plan.sessions)}"] if plan.tuned else []
    common = [
        *_OWN_ENGINE,
        *tuned,
        f"session_pool.min_size={plan.sessions}",
        f"session_pool.max_size={plan.sessions}",
        f"engine.backend={plan.backend}",
        f"engine.state_dir={folder / 'state'}",
        "credential.share_login=false",
    ]
    if plan.binary is None:
        file = folder / "window"
        mine = [f"profiles={{default: {{environment: {{{VARIABLE}: {file}}}}}}}"]
        yield SimulatedApi(file), [*common, *mine, *plan.overrides]
        return
    calls = list[float]()
    async with OfflineModel(seed=plan.seed, on_call=lambda: calls.append(CLOCK.wall())) as model:
        mine = [
            f"claude.binary={plan.binary}",
            "credential.api_key=offline",
            f"credential.base_url={model.url}",
        ]
        yield OfflineApi(model, calls), [*common, *mine, *plan.overrides]
