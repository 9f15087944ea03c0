"""A balancer of one's own: a class without arguments that meets `engine.pool.balancers.Balancer`.

Install it beside Quarterdeck (`pip install examples/quarterdeck-sticky`), then
`quarterdeck config set session_pool.load_balancing.strategy=sticky`.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.pool.balancers import Candidate

KEPT = 10_000
"""Users that are remembered, those who came last."""


class Sticky:
    """Owner of each user's last session; somebody new gets the session with the fewest turns."""

    considers = 64

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def choose(self, candidates: Sequence[Candidate], key: str) -> str:
        """The user's last session if it is among the candidates, else the least used one."""
        names = {one.session for one in candidates}
        chosen = self._last.pop(key, "")
        if chosen not in names:
            chosen = min(candidates, key=lambda one: (one.turns, one.session)).session
        self._last[key] = chosen
        if len(self._last) > KEPT:
            del self._last[next(iter(self._last))]
        return chosen
