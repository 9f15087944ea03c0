"""Whether a session is well: a pure verdict. One witness makes it suspect, two condemn it.

Liveness is the answer to a probe, progress is bytes in a turn: separate clocks, separate witnesses. The reasons are
hazards H5 and H28 of docs/development/hazards.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PROBES_MISSED = 2
"""Probes in a row without an answer that make one witness; of a stopped process the first one says enough."""
FRESH_S = 10.0
"""A sample older than this witnesses nothing."""


class Witness(StrEnum):
    """What can speak against a session; each is seen by another instrument."""

    PROBE = "does not answer probes"
    STOPPED = "its process is stopped"
    NO_CPU = "its process used no CPU while it was asked"
    SILENT = "its turn makes no progress"
    NO_TRANSCRIPT = "its conversation's transcript is gone"
    MEMORY = "it is above its memory limit"


class HealthState(StrEnum):
    """The verdict."""

    WELL = "well"
    SUSPECT = "suspect"
    CONDEMNED = "condemned"


@dataclass(frozen=True, slots=True)
class Vitals:
    """What was seen of a session. Times are monotonic seconds; `None` is not known.

    `state` is the letter of /proc/PID/stat, `cpu_since_ask` the CPU seconds since the oldest unanswered probe was sent.
    """

    now: float
    sampled_at: float
    state: str
    probes_missed: int = 0
    cpu_since_ask: float | None = None
    silent_for: float = 0.0
    silence_limit: float | None = None
    transcript_missing: bool = False
    over_memory: bool = False
    starting: bool = False


@dataclass(frozen=True, slots=True)
class HealthVerdict:
    """The condition and the witnesses for it."""

    condition: HealthState
    witnesses: tuple[Witness, ...] = ()

    @property
    def reason(self) -> str:
        """The witnesses in words."""
        return " and ".join(self.witnesses)


def is_stopped(state: str) -> bool:
    """Whether a letter of /proc/PID/stat states that somebody stopped the process."""
    return state in {"T", "t"}


def judge(vitals: Vitals) -> HealthVerdict:
    """The verdict; a session that starts, or whose sample is stale, is never judged."""
    if vitals.starting or vitals.now - vitals.sampled_at > FRESH_S:
        return HealthVerdict(HealthState.WELL)
    witnesses = tuple(_witnesses(vitals))
    fatal = [witness for witness in witnesses if witness is not Witness.MEMORY]
    if len(fatal) >= 2:
        return HealthVerdict(HealthState.CONDEMNED, witnesses)
    return HealthVerdict(HealthState.SUSPECT if witnesses else HealthState.WELL, witnesses)


def _witnesses(vitals: Vitals) -> list[Witness]:
    stopped = is_stopped(vitals.state)
    missed = vitals.probes_missed >= (1 if stopped else PROBES_MISSED)
    seen = {
        Witness.PROBE: missed,
        Witness.STOPPED: stopped,
        Witness.NO_CPU: missed and vitals.cpu_since_ask is not None and vitals.cpu_since_ask <= 0.0,
        Witness.SILENT: vitals.silence_limit is not None and vitals.silent_for > vitals.silence_limit,
        Witness.NO_TRANSCRIPT: vitals.transcript_missing,
        Witness.MEMORY: vitals.over_memory,
    }
    return [witness for witness, speaks in seen.items() if speaks]
