"""Which session serves a waiting request: a pure decision, carried out by the pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.backends.base import Profile


@dataclass(frozen=True, slots=True)
class LeaseWish:
    """What a request needs: a session of `profile`, holding `conversation` or, when empty, a fresh one."""

    profile: Profile
    user: str
    conversation: str = ""


@dataclass(frozen=True, slots=True)
class Seat:
    """One session as routing sees it. `holds` is empty for one that was never used since its start or `/clear`."""

    session: str
    key: tuple[str, str]
    holds: str
    user: str
    idle: bool
    last_used: float


@dataclass(frozen=True, slots=True)
class Room:
    """How much the pool may still grow. `starting` counts starts under way, `pending` those of each profile."""

    size: int
    starting: int
    max_size: int
    max_starting: int
    pending: Mapping[tuple[str, str], int]
    pending_conversations: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class RouteDecision:
    """`use` a session (after `/clear` when `clear`), or `start` one (stopping `evict` first), or wait."""

    reason: str
    use: str = ""
    clear: bool = False
    start: bool = False
    evict: str = ""


def route(wish: LeaseWish, seats: Mapping[str, Seat], room: Room, ahead: int) -> RouteDecision:
    """Decide for one wish. `ahead` counts waiting wishes of the same profile that were there first."""
    if wish.conversation:
        return _route_conversation(wish, seats, room)
    mine = [seat for seat in seats.values() if seat.idle and seat.key == wish.profile.key]
    if mine:
        return _choose_idle(wish, mine)
    if room.pending.get(wish.profile.key, 0) > ahead:
        return RouteDecision("a session of the profile is starting")
    return _grow(seats, room)


def _route_conversation(wish: LeaseWish, seats: Mapping[str, Seat], room: Room) -> RouteDecision:
    tenant = wish.profile.tenant
    holder = next((s for s in seats.values() if s.holds == wish.conversation and s.key[0] == tenant), None)
    if holder is not None:
        if not holder.idle:
            return RouteDecision("the conversation is busy in another turn")
        if holder.key == wish.profile.key:
            return RouteDecision("the session holds the conversation", use=holder.session)
        return RouteDecision("the conversation moves to another profile", start=True, evict=holder.session)
    if (tenant, wish.conversation) in room.pending_conversations:
        return RouteDecision("the conversation is being resumed")
    return _grow(seats, room)


def _choose_idle(wish: LeaseWish, mine: list[Seat]) -> RouteDecision:
    """The user's last session, else a warm one, else the one used last, so that the tail can idle out."""
    own = [seat for seat in mine if wish.user and seat.user == wish.user and seat.holds]
    warm = [seat for seat in mine if not seat.holds]
    if own:
        return RouteDecision("the user's last session", use=_latest(own), clear=True)
    if warm:
        return RouteDecision("a warm session", use=_latest(warm))
    return RouteDecision("the idle session used last", use=_latest(mine), clear=True)


def _grow(seats: Mapping[str, Seat], room: Room) -> RouteDecision:
    if room.starting >= room.max_starting:
        return RouteDecision(f"{room.starting} sessions are starting, as many as may at once")
    if room.size < room.max_size:
        return RouteDecision("the pool may grow", start=True)
    idle = [seat for seat in seats.values() if seat.idle]
    if not idle:
        return RouteDecision(f"all {room.size} sessions are busy")
    oldest = min(idle, key=lambda seat: (bool(seat.holds), seat.last_used))
    return RouteDecision("the least recently used idle session makes room", start=True, evict=oldest.session)


def _latest(seats: list[Seat]) -> str:
    return max(seats, key=lambda seat: seat.last_used).session
