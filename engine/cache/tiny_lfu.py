"""W-TinyLFU (Einziger, Friedman, Manes 2017): a new entry stays only if it is asked for more than the one it replaces.

A window of one percent takes what is new. What leaves the window is a candidate for the main part, which is a segmented
LRU: 20 % on probation, 80 % protected. Frequencies are counted exactly over the last uses, also of keys that are not
kept, and halved every 32 uses an entry, so that what was popular once is forgotten. A scan fills the window and leaves.
"""

from __future__ import annotations

from collections import OrderedDict

_WINDOW, _PROTECTED = 0.01, 0.8
_SAMPLE = 32
"""Uses an entry after which all frequencies are halved."""
_HIGHEST = 15
"""The highest frequency that is counted, as four bits hold it."""
_FEWEST = 64
"""Entries that the sample is for at least."""


class TinyLfu:
    """Owner of the three parts and of the frequencies; each act takes constant time but the halving."""

    def __init__(self) -> None:
        self._window: OrderedDict[str, None] = OrderedDict()
        self._probation: OrderedDict[str, None] = OrderedDict()
        self._protected: OrderedDict[str, None] = OrderedDict()
        self._counts: dict[str, int] = {}
        self._uses = 0

    def added(self, key: str, size: int) -> None:  # noqa: ARG002 - the port's signature
        """It enters the window; what that has too much becomes the candidate."""
        self._count(key)
        self._window[key] = None
        if len(self._window) > max(1, int(_WINDOW * self._size)):
            candidate, _ = self._window.popitem(last=False)
            self._probation[candidate] = None

    def used(self, key: str) -> None:
        """What is read on probation is protected from now on."""
        self._count(key)
        if key in self._protected:
            self._protected.move_to_end(key)
        elif key in self._window:
            self._window.move_to_end(key)
        else:
            del self._probation[key]
            self._protected[key] = None
            if len(self._protected) > _PROTECTED * (len(self._probation) + len(self._protected)) + 1:
                demoted, _ = self._protected.popitem(last=False)
                self._probation[demoted] = None

    def removed(self, key: str) -> None:
        """It has no place; its frequency is remembered."""
        for part in (self._window, self._probation, self._protected):
            if key in part:
                del part[key]
                return

    def victim(self) -> str:
        """The candidate, unless it is asked for more than what would go otherwise."""
        if not self._probation:
            return next(iter(self._protected or self._window))
        weakest, candidate = next(iter(self._probation)), next(reversed(self._probation))
        return weakest if self._counts.get(candidate, 0) > self._counts.get(weakest, 0) else candidate

    @property
    def _size(self) -> int:
        return len(self._window) + len(self._probation) + len(self._protected)

    def _count(self, key: str) -> None:
        count = self._counts.get(key, 0)
        if count < _HIGHEST:
            self._counts[key] = count + 1
        self._uses += 1
        if self._uses >= _SAMPLE * max(_FEWEST, self._size):
            self._uses //= 2
            self._counts = {each: half for each, number in self._counts.items() if (half := number // 2)}
