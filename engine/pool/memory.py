"""The memory of the sessions' trees: RSS from each reading, PSS sampled in turn and at once where a limit is near."""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.launchers.tree_usage import TreeUsage
from engine.pool.session_limits import MemoryLimitSettings, memory_verdict

PSS_SECONDS = 15.0
"""Time in which the PSS of every session is sampled once."""
_GROWN = 16 * 1024 * 1024
"""Growth of RSS since a session's last sample that has it sampled before its time."""
_SUSPECTS = 4


@dataclass(frozen=True, slots=True)
class _Sample:
    """PSS in bytes, with the RSS and the monotonic time at which it was read."""

    pss: int
    rss: int
    at: float


class TreeMemory:
    """Owner of the PSS samples, by session."""

    def __init__(self) -> None:
        self._samples: dict[str, _Sample] = {}

    def pss(self, session: str) -> int:
        """The PSS sampled last, in bytes; 0 as long as none was."""
        sample = self._samples.get(session)
        return sample.pss if sample is not None else 0

    def total(self, trees: Mapping[str, TreeUsage]) -> int:
        """Memory of all sessions: PSS where it was sampled, else RSS."""
        return sum(self.pss(session) or tree.rss for session, tree in trees.items())

    def p95(self) -> float | None:
        """The 95th percentile of what a session takes, or None as long as nothing was sampled."""
        sizes = [sample.pss for sample in self._samples.values()]
        return statistics.quantiles(sizes, n=20)[-1] if len(sizes) > 1 else (sizes[0] if sizes else None)

    def urgent(self, trees: Mapping[str, TreeUsage], limits: MemoryLimitSettings) -> list[str]:
        """Sessions that may be above a limit that their last sample was below: PSS grows at most as RSS does."""
        return [session for session, tree in trees.items() if self._may_exceed(session, tree.rss, limits)]

    def due(self, trees: Mapping[str, TreeUsage], elapsed: float) -> list[str]:
        """Those to sample now, with `elapsed` seconds between two samplings: grown ones, then the oldest samples."""
        most = max(1, round(len(trees) * elapsed / PSS_SECONDS))
        grown = {session: tree.rss - self._rss_then(session) for session, tree in trees.items()}
        suspects = sorted((name for name in trees if grown[name] > _GROWN), key=lambda name: -grown[name])[:_SUSPECTS]
        oldest = sorted(trees, key=self._sampled_at)
        return list(dict.fromkeys([*suspects, *oldest]))[: most + len(suspects)]

    def record(self, sizes: Mapping[str, int], trees: Mapping[str, TreeUsage], now: float) -> None:
        """Take in what was sampled."""
        for session, size in sizes.items():
            self._samples[session] = _Sample(size, trees[session].rss, now)

    def keep(self, sessions: Collection[str]) -> None:
        """Forget all others."""
        self._samples = {name: sample for name, sample in self._samples.items() if name in sessions}

    def _may_exceed(self, session: str, rss: int, limits: MemoryLimitSettings) -> bool:
        sampled = self.pss(session)
        estimate = sampled + max(0, rss - self._rss_then(session))
        return memory_verdict(estimate, limits).level > memory_verdict(sampled, limits).level

    def _rss_then(self, session: str) -> int:
        sample = self._samples.get(session)
        return sample.rss if sample is not None else 0

    def _sampled_at(self, session: str) -> float:
        sample = self._samples.get(session)
        return sample.at if sample is not None else -math.inf
