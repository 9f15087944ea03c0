"""The sessions as routing sees them, indexed so that a lease costs the same in a pool of ten and of a thousand."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from itertools import islice

EXAMINED = 8
"""Least recently used seats among which the one to give up is chosen."""
SubPool = tuple[str, str, str]
"""Tenant, profile and the fingerprint of its content: the key of a sub-pool."""
Named = tuple[str, str]
"""Tenant and profile, whatever its content."""


@dataclass(slots=True, eq=False)
class IndexedSession:
    """One session. `holds` is its conversation, empty for one that is warm: never used since its start.

    `held_turns` counts the turns of that conversation, `turns` all of the session. `load` is its CPU of late as a ratio
    of a core, `weight` what it can take. `last_used` is a monotonic time in seconds. `single_use` says that it may
    serve no other conversation, `engaged` that its agent does something by itself: nobody else may have its process.
    Only `SessionIndex` writes it.
    """

    session: str
    key: SubPool
    holds: str = ""
    user: str = ""
    idle: bool = False
    last_used: float = 0.0
    held_turns: int = 0
    turns: int = 0
    load: float = 0.0
    weight: float = 1.0
    single_use: bool = False
    engaged: bool = False

    @property
    def once(self) -> bool:
        """Whether nobody came back to its conversation so far."""
        return self.held_turns <= 1


@dataclass(slots=True)
class _Idle:
    """The idle seats of one sub-pool, each dict ordered by when its seat became idle."""

    all: dict[str, IndexedSession] = field(default_factory=dict)
    warm: dict[str, IndexedSession] = field(default_factory=dict)
    once: dict[str, IndexedSession] = field(default_factory=dict)


class SessionIndex:
    """Owner of all seats and their indexes."""

    def __init__(self) -> None:
        self._seats: dict[str, IndexedSession] = {}
        self._pools: dict[SubPool, _Idle] = {}
        self._idle: dict[str, IndexedSession] = {}
        self._evictable: dict[str, IndexedSession] = {}
        self._holders: dict[tuple[str, str], IndexedSession] = {}
        self._users: dict[tuple[SubPool, str], dict[str, IndexedSession]] = {}

    def __len__(self) -> int:
        return len(self._seats)

    def __iter__(self) -> Iterator[IndexedSession]:
        return iter(self._seats.values())

    def get(self, session: str) -> IndexedSession | None:
        """One seat."""
        return self._seats.get(session)

    @property
    def idle_count(self) -> int:
        """SessionIndex that may be leased now."""
        return len(self._idle)

    def add(self, seat: IndexedSession) -> None:
        """A session that is up, or comes up with a conversation."""
        self._seats[seat.session] = seat
        self._index(seat)

    def remove(self, session: str) -> None:
        """The session is gone."""
        seat = self._seats.pop(session, None)
        if seat is not None:
            self._unindex(seat)

    def take(self, session: str) -> None:
        """No new work for it: leased, or about to stop. What it holds stays held."""
        seat = self._seats.get(session)
        if seat is not None and seat.idle:
            self._unindex(seat)
            seat.idle = False
            self._index(seat)

    def hold(self, session: str, conversation: str, user: str, *, came_back: int = 0) -> None:
        """It now holds this conversation, for this user; `came_back` turns of it were served elsewhere before."""
        seat = self._seats.get(session)
        if seat is None:
            return
        self._unindex(seat)
        if seat.holds != conversation:
            seat.held_turns = came_back
        seat.holds, seat.user = conversation, user
        self._index(seat)

    def give_back(self, session: str, now: float, *, turns: int, single_use: bool = False) -> None:
        """It may be leased again; `turns` is what it served in all, so what its conversation got is known."""
        seat = self._seats.get(session)
        if seat is None:
            return
        self._unindex(seat)
        seat.held_turns += max(0, turns - seat.turns)
        seat.turns, seat.last_used, seat.idle = turns, now, True
        seat.single_use = seat.single_use or single_use
        self._index(seat)

    def engage(self, session: str, *, engaged: bool, single_use: bool) -> None:
        """Its agent begins or ends to do something by itself."""
        seat = self._seats.get(session)
        if seat is not None:
            self._unindex(seat)
            seat.engaged, seat.single_use = engaged, seat.single_use or single_use
            self._index(seat)

    def set_load(self, session: str, load: float) -> None:
        """What it takes of late."""
        seat = self._seats.get(session)
        if seat is not None:
            seat.load = load

    def holder(self, tenant: str, conversation: str) -> IndexedSession | None:
        """The seat that holds a tenant's conversation."""
        return self._holders.get((tenant, conversation))

    def of_user(self, key: SubPool, user: str) -> IndexedSession | None:
        """The idle seat that a user used last, if what it holds was not gone on with."""
        mine = self._users.get((key, user)) if user else None
        return _last(mine) if mine else None

    def warm(self, key: SubPool) -> IndexedSession | None:
        """The idle seat that was never used and is so the longest-lived to come."""
        pool = self._pools.get(key)
        return _last(pool.warm) if pool else None

    def warm_count(self, key: SubPool) -> int:
        """Warm spares of a sub-pool."""
        pool = self._pools.get(key)
        return len(pool.warm) if pool else 0

    def once_idle(self, key: SubPool, most: int) -> list[IndexedSession]:
        """Idle seats whose conversation nobody came back to, the one used last first."""
        pool = self._pools.get(key)
        return _latest(pool.once, most) if pool else []

    def least_wanted(self, key: SubPool) -> IndexedSession | None:
        """The idle seat of a sub-pool whose conversation is wanted least, and that may serve another one."""
        pool = self._pools.get(key)
        return _least_wanted(pool.all) if pool else None

    def idle_of(self, key: SubPool) -> int:
        """Idle seats of a sub-pool that may serve another conversation."""
        pool = self._pools.get(key)
        return len(pool.all) if pool else 0

    def evictable_profiles(self) -> set[Named]:
        """Profiles with a session that may be given up."""
        return {(seat.key[0], seat.key[1]) for seat in self._evictable.values()}

    def least_wanted_of_all(self, givers: Container[Named]) -> IndexedSession | None:
        """Of these profiles' idle seats the one to give up: a warm or one-turn one, else the one wanted least."""
        chosen = {name: seat for name, seat in self._evictable.items() if (seat.key[0], seat.key[1]) in givers}
        return next((seat for seat in chosen.values() if seat.once), None) or _least_wanted(chosen)

    def idle(self) -> list[IndexedSession]:
        """All idle seats, the one idle longest first."""
        return list(self._idle.values())

    def _index(self, seat: IndexedSession) -> None:
        if seat.holds:
            self._holders[seat.key[0], seat.holds] = seat
        if not seat.idle:
            return
        name = seat.session
        self._idle[name] = seat
        if seat.engaged:
            return
        self._evictable[name] = seat
        if seat.single_use and seat.holds:
            return
        pool = self._pools.setdefault(seat.key, _Idle())
        pool.all[name] = seat
        if not seat.holds:
            pool.warm[name] = seat
        elif seat.once:
            pool.once[name] = seat
            if seat.user:
                self._users.setdefault((seat.key, seat.user), {})[name] = seat

    def _unindex(self, seat: IndexedSession) -> None:
        name = seat.session
        if seat.holds and self._holders.get((seat.key[0], seat.holds)) is seat:
            del self._holders[seat.key[0], seat.holds]
        if not seat.idle:
            return
        self._idle.pop(name, None)
        self._evictable.pop(name, None)
        if (pool := self._pools.get(seat.key)) is None:
            return
        for index in (pool.all, pool.warm, pool.once):
            index.pop(name, None)
        if not pool.all:
            del self._pools[seat.key]
        mine = self._users.get((seat.key, seat.user))
        if mine is not None:
            mine.pop(name, None)
            if not mine:
                del self._users[seat.key, seat.user]


def _least_wanted(seats: dict[str, IndexedSession]) -> IndexedSession | None:
    """Of those used least recently the one with the fewest turns: a conversation much used comes back sooner."""
    return min(islice(seats.values(), EXAMINED), key=lambda seat: seat.held_turns, default=None)


def _last(seats: dict[str, IndexedSession]) -> IndexedSession | None:
    return next(reversed(seats.values()), None)


def _latest(seats: dict[str, IndexedSession], most: int) -> list[IndexedSession]:
    found: list[IndexedSession] = []
    for seat in reversed(seats.values()):
        found.append(seat)
        if len(found) == most:
            break
    return found
