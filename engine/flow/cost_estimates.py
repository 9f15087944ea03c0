"""What a user's next request will probably cost, in seconds of a session: the mean of its last ones. Pure."""

from __future__ import annotations

from collections import OrderedDict

from engine.flow.smoothing import ewma

_WEIGHT = 0.2
"""Weight of the newest request in the mean."""
_USERS_KEPT = 4096
_UNKNOWN_S = 1.0
User = tuple[str, str]
"""A tenant and its user."""


class CostEstimates:
    """Owner of the means by user, and of that of all for those who are not known yet."""

    def __init__(self) -> None:
        self._means: OrderedDict[User, float] = OrderedDict()
        self._all = _UNKNOWN_S

    def guess(self, user: User) -> float:
        """Seconds of a session."""
        return self._means.get(user, self._all)

    def add(self, user: User, seconds: float) -> None:
        """A request had a session for so long."""
        self._all = ewma(self._all, seconds, _WEIGHT)
        before = self._means.pop(user, seconds)
        self._means[user] = max(1e-3, ewma(before, seconds, _WEIGHT))
        if len(self._means) > _USERS_KEPT:
            self._means.popitem(last=False)
