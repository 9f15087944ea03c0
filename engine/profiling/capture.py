"""What one capture found."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.profiling.loop_lag import LagSummary
from engine.profiling.loop_steps import LoopStep
from engine.profiling.memory import MemorySummary
from engine.profiling.stacks import HotFunction, Stack, hottest
from engine.profiling.tasks import TaskTable

KINDS = ("cpu", "memory", "tasks", "blocking")
USUAL_KINDS = ("cpu", "tasks", "blocking")
"""Those whose cost is small; memory is traced where it is asked for."""
_HOT = 30


@dataclass(frozen=True, slots=True)
class SessionUsage:
    """What the process tree of one session took during the capture: CPU seconds, and bytes at its end."""

    session: str
    cpu: float
    rss: int
    processes: int


@dataclass(frozen=True, slots=True)
class Capture:
    """One finished capture; parts that were not measured are empty or None. Times are in seconds, sizes in bytes.

    `missed` counts samples that came too late to be taken, `waiting` those of threads that only waited; `other` those
    of stacks after the bound.
    """

    id: str
    began: float
    seconds: float
    kinds: tuple[str, ...]
    rate: float
    threshold: float
    samples: int = 0
    missed: int = 0
    waiting: int = 0
    other: int = 0
    sampler_cpu: float = 0.0
    engine_cpu: float = 0.0
    engine_rss: int = 0
    stacks: tuple[Stack, ...] = ()
    sessions: tuple[SessionUsage, ...] = ()
    lag: LagSummary | None = None
    blocking: int = 0
    steps: tuple[LoopStep, ...] = ()
    tasks: TaskTable | None = None
    memory: MemorySummary | None = None
    hot: list[HotFunction] = field(init=False)

    @property
    def at_work(self) -> int:
        """Stacks of threads at work that were counted: what shares are of."""
        return sum(stack.count for stack in self.stacks)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hot", hottest(self.stacks, _HOT))
