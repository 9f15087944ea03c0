"""Whose session is given up when there is room for no more: the pool's own index under a drawn load of conversations.

Popularity follows Zipf(0.8), and every second turn goes on with a conversation of a moment ago. A tenth of the
conversations write ten times as much as the others. Where they end, one in ten turns ends one, and another begins.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, count

from engine.base.gate import MOST_BYTES
from engine.bench.figures import Figure, figure, ratio_at_most
from engine.pool.session_index import IndexedSession, SessionIndex, SubPool

_KEY: SubPool = ("tenant", "profile", "")
_SESSIONS, _CONVERSATIONS, _TURNS = 10, 40, 10_000
_PARKED, _COLD = 0.22, 1.0
"""CPU of a wake, as a ratio of that of a new process (rows `wake` of this group)."""
_USUAL_BYTES, _LARGE_BYTES, _LARGE = 30e3, 300e3, 0.1
_OVER = 0.1
_EXAMINED = 8

Choose = Callable[[SessionIndex], IndexedSession | None]


def victims(seed: int) -> list[Figure]:
    """CPU of the wakes where the pool chooses, beside a choice by turns alone; in starts of a process a turn."""
    by_turns = f"the fewest turns of the {_EXAMINED} used longest ago; a model, {_SESSIONS} sessions, seed {seed}"
    ending, lasting = [
        {choose: _Load(seed, over).wakes(choose) / _TURNS for choose in (_by_worth, _by_turns)} for over in (_OVER, 0.0)
    ]
    name = "CPU of wakes by the choice of who makes room"
    ratio = lasting[_by_worth] / lasting[_by_turns]
    return [
        ratio_at_most(name, ending[_by_worth], "starts a turn", ending[_by_turns], 1.0, against=by_turns),
        figure(f"{name}, no conversation ends", lasting[_by_worth], "starts a turn", against=by_turns, ratio=ratio),
    ]


def _by_worth(index: SessionIndex) -> IndexedSession | None:
    return index.least_wanted_of_all(index.evictable_profiles())


def _by_turns(index: SessionIndex) -> IndexedSession | None:
    idle = index.idle()
    return next((each for each in idle if each.once), None) or min(
        idle[:_EXAMINED], key=lambda each: each.held_turns, default=None
    )


@dataclass(slots=True)
class _Conversation:
    name: str
    turn_bytes: float
    turns: int = 0

    @property
    def dear(self) -> bool:
        return self.turns * self.turn_bytes > MOST_BYTES


class _Load:
    """Owner of the conversations and of the sessions that hold some of them."""

    def __init__(self, seed: int, over: float) -> None:
        self._over = over
        self._chance = random.Random(seed)  # noqa: S311 - a model
        self._names = count()
        self._index = SessionIndex()
        self._served = dict.fromkeys((f"s{number}" for number in range(_SESSIONS)), 0)
        self._present = [self._begin() for _ in range(_CONVERSATIONS)]
        self._popular = list(accumulate((rank + 1) ** -0.8 for rank in range(_CONVERSATIONS)))
        self._recent: list[int] = []
        for session in self._served:
            self._index.add(IndexedSession(session, _KEY))
            self._index.give_back(session, 0.0, turns=0)

    def wakes(self, choose: Choose) -> float:
        """The CPU of all wakes, in starts of a new process."""
        return sum(self._turn(self._next(), float(at), choose) for at in range(_TURNS))

    def _begin(self) -> _Conversation:
        mean = _LARGE_BYTES if self._chance.random() < _LARGE else _USUAL_BYTES
        return _Conversation(f"c{next(self._names)}", self._chance.expovariate(1 / mean))

    def _next(self) -> _Conversation:
        chance = self._chance
        if self._recent and chance.random() < 0.5:
            rank = chance.choice(self._recent)
        else:
            rank = chance.choices(range(_CONVERSATIONS), cum_weights=self._popular)[0]
        self._recent = [rank, *(each for each in self._recent if each != rank)][: 2 * _SESSIONS]
        if chance.random() < self._over:
            self._present[chance.randrange(_CONVERSATIONS)] = self._begin()
        return self._present[rank]

    def _turn(self, conversation: _Conversation, now: float, choose: Choose) -> float:
        index, cpu = self._index, 0.0
        session = index.holder(_KEY[0], conversation.name) or choose(index)
        if session is None:
            raise RuntimeError("all sessions are idle between two turns")
        index.take(session.session)
        if session.conversation != conversation.name:
            cpu = (_COLD if conversation.dear else _PARKED) if conversation.turns else 0.0
            index.hold(session.session, conversation.name, "", prior_turns=conversation.turns)
        conversation.turns += 1
        self._served[session.session] += 1
        index.set_dear(session.session, dear=conversation.dear)
        index.give_back(session.session, now, turns=self._served[session.session])
        return cpu
