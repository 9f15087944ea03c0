"""The sessions as routing sees them, indexed so that a lease costs the same in a pool of ten and of a thousand."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from itertools import islice

EXAMINED = 32
"""Least recently used sessions among which the one to give up is chosen."""
_DEARER = 4.0
"""Times the CPU of a wake by a parked process that a new one takes (`quarterdeck bench pool`, rows `wake`)."""
_MOST_TURNS = 20
"""Turns from which on a conversation is worth no more."""
SubPool = tuple[str, str, str]
"""Tenant, profile and the fingerprint of its content: the key of a sub-pool."""
Named = tuple[str, str]
"""Tenant and profile, whatever its content."""


@dataclass(slots=True, eq=False)
class IndexedSession:
    """One session. `holds` is its conversation, empty for one that is warm: never used since its start.

    `held_turns` counts the turns of that conversation, `turns` all of the session. `load` is its CPU lately as a ratio
    of a core, `weight` what it can take. `last_used` is a monotonic time in seconds. `single_use` states that it may
    serve no other conversation, `engaged` that its agent does something by itself: nobody else may have its process,
    `dear` that no parked process could wake its conversation. `floor` is the worth of the last one that was given up
    when this one became idle. Only `SessionIndex` writes it.
    """

    session: str
    key: SubPool
    conversation: str = ""
    user: str = ""
    idle: bool = False
    last_used: float = 0.0
    held_turns: int = 0
    turns: int = 0
    load: float = 0.0
    weight: float = 1.0
    single_use: bool = False
    engaged: bool = False
    dear: bool = False
    floor: float = 0.0
    looked_at: int = 0
    """Number of the last look that a person took at its conversation; 0 for none."""

    @property
    def once(self) -> bool:
        """Whether nobody came back to its conversation so far."""
        return self.held_turns <= 1 and not self.looked_at

    @property
    def worth(self) -> float:
        """How much is lost with it: the price of its conversation's return times how often that was gone on with.

        It ages with what is given up (GreedyDual-Frequency: Cherkasova, HP Labs 1998).
        """
        return self.floor + (_DEARER if self.dear else 1.0) * min(self.held_turns, _MOST_TURNS)


@dataclass(slots=True)
class _Idle:
    """The idle sessions of one sub-pool, each dict ordered by when its session became idle."""

    all: dict[str, IndexedSession] = field(default_factory=dict)
    warm: dict[str, IndexedSession] = field(default_factory=dict)
    once: dict[str, IndexedSession] = field(default_factory=dict)


class SessionIndex:
    """Owner of all sessions and their indexes."""

    def __init__(self) -> None:
        self._sessions: dict[str, IndexedSession] = {}
        self._pools: dict[SubPool, _Idle] = {}
        self._idle: dict[str, IndexedSession] = {}
        self._evictable: dict[str, IndexedSession] = {}
        self._holders: dict[tuple[str, str], IndexedSession] = {}
        self._users: dict[tuple[SubPool, str], dict[str, IndexedSession]] = {}
        self._looks = 0
        self._floor = 0.0

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[IndexedSession]:
        return iter(self._sessions.values())

    def get(self, name: str) -> IndexedSession | None:
        """One session."""
        return self._sessions.get(name)

    @property
    def idle_count(self) -> int:
        """Sessions that may be leased now."""
        return len(self._idle)

    def add(self, session: IndexedSession) -> None:
        """A session that is up, or comes up with a conversation."""
        self._sessions[session.session] = session
        self._index(session)

    def remove(self, name: str) -> None:
        """The session is gone."""
        session = self._sessions.pop(name, None)
        if session is not None:
            self._unindex(session)

    def take(self, name: str) -> None:
        """No new work for it: leased, or about to stop. What it holds stays held."""
        session = self._sessions.get(name)
        if session is not None and session.idle:
            self._unindex(session)
            session.idle = False
            self._index(session)

    def give_up(self, name: str) -> None:
        """It makes room for another one: take it, and let the others age."""
        session = self._sessions.get(name)
        if session is not None:
            self._age(session)
            self.take(name)

    def _age(self, given_up: IndexedSession) -> None:
        if given_up.conversation:
            self._floor = max(self._floor, given_up.worth)

    def hold(self, name: str, conversation: str, user: str, *, prior_turns: int = 0) -> None:
        """It now holds this conversation, for this user; `prior_turns` turns of it were served elsewhere before."""
        session = self._sessions.get(name)
        if session is None:
            return
        self._unindex(session)
        if session.conversation != conversation:
            self._age(session)
            session.held_turns, session.looked_at, session.dear = prior_turns, 0, False
        session.conversation, session.user = conversation, user
        self._index(session)

    def give_back(self, name: str, now: float, *, turns: int, single_use: bool = False) -> None:
        """It may be leased again; `turns` is what it served in all, so what its conversation got is known."""
        session = self._sessions.get(name)
        if session is None:
            return
        self._unindex(session)
        session.held_turns += max(0, turns - session.turns)
        session.turns, session.last_used, session.idle, session.floor = turns, now, True, self._floor
        session.single_use = session.single_use or single_use
        self._index(session)

    def look_at(self, name: str) -> None:
        """A person reads its conversation: it counts as one that was gone on with, and gives its place up last."""
        session = self._sessions.get(name)
        if session is not None and session.idle and session.conversation:
            self._unindex(session)
            self._looks += 1
            session.looked_at = self._looks
            self._index(session)

    def engage(self, name: str, *, engaged: bool, single_use: bool) -> None:
        """Its agent begins or ends to do something by itself."""
        session = self._sessions.get(name)
        if session is not None:
            self._unindex(session)
            session.engaged, session.single_use = engaged, session.single_use or single_use
            self._index(session)

    def set_load(self, name: str, load: float) -> None:
        """What it takes lately."""
        session = self._sessions.get(name)
        if session is not None:
            session.load = load

    def set_dear(self, name: str, *, dear: bool) -> None:
        """Whether no parked process could wake its conversation."""
        session = self._sessions.get(name)
        if session is not None:
            session.dear = dear

    def holder(self, tenant: str, conversation: str) -> IndexedSession | None:
        """The session that holds a tenant's conversation."""
        return self._holders.get((tenant, conversation))

    def of_user(self, key: SubPool, user: str) -> IndexedSession | None:
        """The idle session that a user used last, if what it holds was not gone on with."""
        mine = self._users.get((key, user)) if user else None
        return _last(mine) if mine else None

    def warm(self, key: SubPool) -> IndexedSession | None:
        """The idle session that was never used and is so the longest-lived to come."""
        pool = self._pools.get(key)
        return _last(pool.warm) if pool else None

    def warm_count(self, key: SubPool) -> int:
        """Warm spares of a sub-pool."""
        pool = self._pools.get(key)
        return len(pool.warm) if pool else 0

    def once_idle(self, key: SubPool, most: int) -> list[IndexedSession]:
        """Idle sessions whose conversation nobody came back to, the one used last first."""
        pool = self._pools.get(key)
        return _latest(pool.once, most) if pool else []

    def eviction_candidate(self, key: SubPool) -> IndexedSession | None:
        """The idle session of a sub-pool whose conversation is worth least, and that may serve another one."""
        pool = self._pools.get(key)
        return _eviction_candidate(pool.all) if pool else None

    def idle_of(self, key: SubPool) -> int:
        """Idle sessions of a sub-pool that may serve another conversation."""
        pool = self._pools.get(key)
        return len(pool.all) if pool else 0

    def evictable_profiles(self) -> set[Named]:
        """Profiles with a session that may be given up."""
        return {(session.key[0], session.key[1]) for session in self._evictable.values()}

    def least_wanted_of_all(self, givers: Container[Named]) -> IndexedSession | None:
        """Of these profiles' idle sessions the one to give up: a warm or one-turn one, else the one worth least."""
        chosen = {
            name: session for name, session in self._evictable.items() if (session.key[0], session.key[1]) in givers
        }
        return next((session for session in chosen.values() if session.once), None) or _eviction_candidate(chosen)

    def idle(self) -> list[IndexedSession]:
        """All idle sessions, the one idle longest first."""
        return list(self._idle.values())

    def _index(self, session: IndexedSession) -> None:
        if session.conversation:
            self._holders[session.key[0], session.conversation] = session
        if not session.idle:
            return
        name = session.session
        self._idle[name] = session
        if session.engaged:
            return
        self._evictable[name] = session
        if session.single_use and session.conversation:
            return
        pool = self._pools.setdefault(session.key, _Idle())
        pool.all[name] = session
        if not session.conversation:
            pool.warm[name] = session
        elif session.once:
            pool.once[name] = session
            if session.user:
                self._users.setdefault((session.key, session.user), {})[name] = session

    def _unindex(self, session: IndexedSession) -> None:
        name = session.session
        if session.conversation and self._holders.get((session.key[0], session.conversation)) is session:
            del self._holders[session.key[0], session.conversation]
        if not session.idle:
            return
        self._idle.pop(name, None)
        self._evictable.pop(name, None)
        if (pool := self._pools.get(session.key)) is None:
            return
        for index in (pool.all, pool.warm, pool.once):
            index.pop(name, None)
        if not pool.all:
            del self._pools[session.key]
        mine = self._users.get((session.key, session.user))
        if mine is not None:
            mine.pop(name, None)
            if not mine:
                del self._users[session.key, session.user]


def _eviction_candidate(index: dict[str, IndexedSession]) -> IndexedSession | None:
    """Of those used least recently the one worth least: one much used comes back sooner, a dear one costs more then.

    Those that a person looked at come last, the one seen last after the others.
    """
    oldest = islice(index.values(), EXAMINED)
    return min(oldest, key=lambda session: (session.looked_at, session.worth), default=None)


def _last(index: dict[str, IndexedSession]) -> IndexedSession | None:
    return next(reversed(index.values()), None)


def _latest(index: dict[str, IndexedSession], most: int) -> list[IndexedSession]:
    found: list[IndexedSession] = []
    for session in reversed(index.values()):
        found.append(session)
        if len(found) == most:
            break
    return found
