"""Parked processes: agents whose start is done but for the conversation, kept so that a sleeping one wakes faster.

One of a profile with a workspace wakes any conversation of it. Where conversations have directories of their own it is
parked in that of the conversation used last, and wakes that one: to move there later costs as much as a start.

They take places of the pool and give them up to whatever is needed more: only an eighth of a pool's places may be taken
from idle sessions for them. Any doubt about one ends it, and the conversation is woken by a new process.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from engine.backends.base import AgentSpec, Profile
from engine.base.errors import QuarterdeckError, StartFailed
from engine.base.files import is_gone
from engine.pool.limits import PoolLimits
from engine.pool.member import Member, Starter
from engine.pool.ports import PoolPorts
from engine.pool.routing import LeaseRequest
from engine.pool.session_index import SubPool
from engine.pool.starting import check, transcript_of, why_single_use
from engine.pool.wake_checks import ANSWER, CONVERSATION, agent_name, write_sample
from engine.pool.wake_fitness import Parking, stamp_of, unfit
from engine.sessions.session import Session
from engine.store.sqlite import StoreUnusable

WAKE_S = 1.0
"""Seconds that each step of a wake may take before the parked process is given up."""
_CHECK_S = 15.0
_PLACES = 8
"""Of so many places of a pool one may be taken from an idle session."""
_IDLE_S = 5.0
_CANDIDATES = 4
"""Sleeping conversations, for each process that may be parked, among which one is looked for that it is kept for."""
_KEPT_S = 60.0
"""Seconds that a process stays parked for a conversation although others were used since."""
_RETRY_MAX_S = 60.0
_PUT_OFF_S = 5.0


class WakeSpares:
    """Owner of the parked members, of how often their starts failed, and of the agents' versions."""

    def __init__(self, ports: PoolPorts, members: Starter) -> None:
        self._ports = ports
        self._members = members
        self._versions: dict[str, str] = {}
        self._failures: Counter[SubPool] = Counter()
        self._not_before: dict[SubPool, float] = {}
        self._place_until = 0.0
        self._put_off_since: float | None = None

    @property
    def count(self) -> int:
        """Those that are parked, about to be, or about to end."""
        return len(self._spares)

    @property
    def ready(self) -> int:
        """Those that wait for a conversation."""
        return sum(member.ready_spare for member in self._spares)

    @property
    def kept_places(self) -> int:
        """Places of the pool that idle sessions leave to those that are parked; none of a size asked for by hand."""
        if self._ports.growth.asked is not None:
            return 0
        coming = int(self._now() < self._place_until)
        return min(self.count + coming, self._most() // _PLACES)

    @property
    def _spares(self) -> list[Member]:
        return [member for member in self._members.all.values() if member.spare]

    def learn(self, session: Session) -> None:
        """A session came up: the version of its agent is known."""
        self._versions[session.profile.backend] = session.version

    # waking

    def wake(self, request: LeaseRequest, victim: Member | None, *, demanded: bool) -> str:
        """Let a parked process resume the request's conversation, after the victim is gone; else why none does."""
        if not self._ports.limits().wake_spares:
            return "no processes are parked: session_pool.wake_spares is 0"
        spare = self._spare_for(request)
        if spare is None:
            return self._unable(request.profile) or "no parked process was ready for it"
        spec, unreadable = self._members.spec_for(spare.session.id, request)
        holder = self._members.index.holder(request.profile.tenant, request.conversation)
        if victim is not None and (holder is None or holder.session != victim.session.id):
            victim = None  # the place is there already
        ending = None
        if victim is not None:
            self._members.index.give_up(victim.session.id)
            ending = self._members.end(victim, "makes room")  # at once: nobody leases it
        spare.spare, spare.demanded = False, demanded
        parked, spare.request = spare.request, request
        self._members.begin_start(spare)
        work = self._bring_up(spare, parked, _Wake(spec, unreadable, ending))
        spare.start = self._members.starts.spawn(work, f"wake in {spare.session.id}")
        return ""

    def _spare_for(self, request: LeaseRequest) -> Member | None:
        """A parked process of the request's profile: of its workspace, or the one that is kept for the conversation."""
        wanted = "" if request.profile.workspace is not None else request.conversation
        fit = (each for each in self._spares if each.ready_spare and each.kept_for == wanted)
        return next((each for each in fit if each.request.profile.key == request.profile.key), None)

    def make_room(self) -> Member | None:
        """A parked process that ends for a session to be started, when there is no other place."""
        spares = [member for member in self._spares if member.ending is None]
        if not spares or len(self._members) < self._most():
            return None
        self._members.end(spares[0], "makes room")
        return spares[0]

    async def _bring_up(self, member: Member, parked: LeaseRequest, wake: _Wake) -> None:
        members, request, began = self._members, member.request, self._now()
        try:
            transcript, why = await self._prepare(member, wake)
            if not why:
                await self._resume(member, wake.spec, transcript, began)
            else:
                self._put_back(member, parked)
                members.start_cold(request, self.make_room(), demanded=member.demanded, cold=why)
        except _Refused as refused:
            self._put_back(member, parked)
            members.report_failure(request, refused.error)
        except asyncio.CancelledError:
            await self._give_up(member, "start cancelled")
            raise
        members.changed()

    async def _prepare(self, member: Member, wake: _Wake) -> tuple[Path, str]:
        """What the process is to resume, and why it cannot; then nothing was done with it. Raises _Refused."""
        spec = wake.spec
        try:
            if wake.ending is not None:
                await asyncio.shield(wake.ending)
            check(spec, wake.unreadable)
            self._ports.conversations.check_not_lent(spec.profile.tenant, spec.conversation)
            found = await asyncio.to_thread(self._examine, spec, member.parking)
            if not found[1]:
                await self._ports.conversations.open(member.session.id, spec.profile.tenant, spec.conversation)
        except QuarterdeckError as error:
            raise _Refused(error) from error
        except OSError as error:
            raise _Refused(StartFailed(f"The conversation cannot be read: {error.strerror}.")) from error
        return found

    async def _resume(self, member: Member, spec: AgentSpec, transcript: Path, began: float) -> None:
        session = member.session
        try:
            await session.wake(spec, transcript, WAKE_S)
        except Exception as error:  # noqa: BLE001 - the worker's border: whatever happened to it, a new process can do it
            await self._wake_cold(member, error)
        else:
            member.cold = ""
            session.keep_to_one(why_single_use(spec))
            self._members.came_up(member, began)

    async def _wake_cold(self, member: Member, error: Exception) -> None:
        """The parked process is in doubt and has ended: another one starts for whoever waits."""
        self._failed(member)
        session = member.session
        if not session.lost:
            await session.kill("its wake was in doubt")
        await self._members.forget(member, "its wake was in doubt", survivors=session.survivors)
        if session.survivors:
            failure = StartFailed("A parked process that was in doubt could not be ended.", retryable=True)
            self._members.report_failure(member.request, failure)
        else:
            self._members.start_cold(member.request, None, demanded=member.demanded, cold=str(error) or repr(error))

    async def _give_up(self, member: Member, reason: str) -> None:
        """End what was started of it."""
        session = member.session
        if session.pid and not session.lost:
            await session.kill(reason)
        await self._members.forget(member, reason, survivors=session.survivors)

    def _put_back(self, member: Member, parked: LeaseRequest) -> None:
        """The process was not touched: it stays parked."""
        self._members.end_start(member)
        member.request, member.spare = parked, True

    def _examine(self, spec: AgentSpec, parked: Parking) -> tuple[Path, str]:
        """The conversation's file, and why a parked process would not be the same as a new one. Raises NotFound."""
        backend = self._ports.session.backend
        transcript = transcript_of(backend, spec)
        directory = spec.directory or backend.directory(spec.profile, spec.conversation)
        return transcript, unfit(spec, transcript, directory, parked)

    # keeping

    def keep(self, *, waiting: int) -> None:
        """Once a tick: park what profiles with sleeping conversations lack, when there is nothing better to do."""
        limits, wanted = self._ports.limits(), self._wanted()
        counts: Counter[SubPool] = Counter()
        for spare in self._spares:
            key = spare.request.profile.key
            counts[key] += 1
            if spare.ending is None and (why := self._useless(spare, wanted, counts[key])):
                self._members.end(spare, why)
        parking = any(not spare.session.life.parked for spare in self._spares)
        lacking = [profile for profile in wanted.values() if counts[profile.key] < limits.wake_spares]
        if waiting or parking or self._members.starting or not lacking or self._busy(limits):
            return
        for profile in lacking:
            place = self._place_for(profile)
            if place is not None and self._may_park(profile) and self._has_place():
                self._park(profile, *place)
                return

    def _useless(self, spare: Member, wanted: dict[SubPool, Profile], number: int) -> str:
        """Why a parked process will most likely wake nothing, or may be out of date."""
        limits, profile, age = self._ports.limits(), spare.request.profile, self._now() - spare.started_at
        if profile.key not in wanted or number > limits.wake_spares:
            return "no conversation of its profile needs it"
        if age > limits.max_lifetime or is_gone(spare.session.cwd):
            return "it is replaced by a new one"
        likely = set(self._likely(profile)) if spare.kept_for and age > _KEPT_S else {spare.kept_for}
        return "" if spare.kept_for in likely else "other conversations were used since"

    def _likely(self, profile: Profile) -> list[str]:
        """The conversations that will most likely come back: those that fell asleep last."""
        return list(
            self._ports.conversations.last_asleep(profile.named, _CANDIDATES * self._ports.limits().wake_spares)
        )

    def _wanted(self) -> dict[SubPool, Profile]:
        if not self._ports.limits().wake_spares:
            return {}
        found = (
            profile
            for tenant, name in self._ports.conversations.sleepers()
            if (profile := self._ports.profile(name)) is not None and profile.tenant == tenant
        )
        return {profile.key: profile for profile in found if not self._unable(profile)}

    def _unable(self, profile: Profile) -> str:
        version = self._versions.get(profile.backend)
        if not version:
            return "the version of the agent is not known yet"
        return self._ports.wake_checks.verdict(agent_name(profile.backend, version)) or ""

    def _busy(self, limits: PoolLimits) -> bool:
        """Whether the machine has no CPU to spare; a parked process is put off for that, but only for so long."""
        machine, now = self._ports.growth.machine, self._now()
        if machine is None or machine[0] <= limits.scaling.target_cpu:
            self._put_off_since = None
            return False
        self._put_off_since = now if self._put_off_since is None else self._put_off_since
        return now - self._put_off_since < _PUT_OFF_S

    def _may_park(self, profile: Profile) -> bool:
        growth, now = self._ports.growth, self._now()
        held = growth.held(now)
        if growth.disk_full or profile.key in held or profile.named in held or self._ports.unable(profile):
            return False
        return now >= self._not_before.get(profile.key, 0.0) and growth.carry(len(self._members)).more > 0

    def _has_place(self) -> bool:
        """Whether a place is free; in a pool that is large enough an idle session leaves one."""
        if len(self._members) < self._most():
            return True
        index = self._members.index
        if self._ports.growth.asked is None and self.count < self._most() // _PLACES:
            victim = index.least_wanted_of_all(index.evictable_profiles())
            if victim is not None and self._now() - victim.last_used >= _IDLE_S:
                self._place_until = self._now() + _IDLE_S
                self._members.retire(self._members.get(victim.session), "makes room for a parked process")
        return False

    def _most(self) -> int:
        asked = self._ports.growth.asked
        return self._ports.limits().max_size if asked is None else asked

    def _park(self, profile: Profile, conversation: str, directory: Path | None) -> None:
        self._put_off_since, self._place_until = None, 0.0
        member = self._members.park(profile, directory)
        member.kept_for = conversation
        member.start = self._members.starts.spawn(self._start(member), f"park {member.session.id}")

    def _place_for(self, profile: Profile) -> tuple[str, Path | None] | None:
        """The conversation to park for and its own directory; neither in a workspace. None when none is likely."""
        if profile.workspace is not None:
            return "", None
        taken = {spare.kept_for for spare in self._spares}
        for conversation in self._likely(profile):
            spec, _ = self._members.spec_for("", LeaseRequest(profile, "", conversation))
            ordinary = not (spec.named_directory or spec.permission_mode or conversation in taken)
            if ordinary and spec.directory is not None and spec.directory.is_dir():
                return conversation, spec.directory
        return None

    async def _start(self, member: Member) -> None:
        session, profile = member.session, member.request.profile
        agent = agent_name(profile.backend, self._versions.get(profile.backend, ""))
        try:
            member.parking = await asyncio.to_thread(self._parking_of, session)
            await session.park(self._ports.limits().start_timeout)
            if self._ports.wake_checks.verdict(agent) is None:
                await self._try_out(member, agent)
        except asyncio.CancelledError:
            await self._give_up(member, "start cancelled")
            raise
        except Exception:  # noqa: BLE001 - the worker's border: nobody waits for it, and a wake is possible without
            self._failed(member)
            await self._give_up(member, "it could not be parked")
        else:
            self._failures.pop(profile.key, None)

    def _parking_of(self, session: Session) -> Parking:
        directory = session.spec.directory or session.profile.workspace
        return Parking(directory, stamp_of(directory) if directory is not None else ())

    async def _try_out(self, member: Member, agent: str) -> None:
        """The first parked process of a version wakes a sample; then it ends. Raises StartFailed."""
        session = member.session
        try:
            await self._wake_sample(session)
        except QuarterdeckError as error:
            self._ports.wake_checks.failed(agent, error.message)
            if not session.lost:
                await session.kill(error.message)
            raise
        self._ports.wake_checks.passed(agent)
        self._members.end(member, "its wake check is done")

    async def _wake_sample(self, session: Session) -> None:
        """Raises StartFailed, SessionLost or DeadlinePassed when it is not resumed with its history."""
        folder = self._ports.session.backend.gate(session.spec).parent.with_suffix(".sample")
        try:
            sample = await asyncio.to_thread(write_sample, folder, session.cwd)
            spec = replace(session.spec, conversation=CONVERSATION, resume=True, directory=session.cwd)
            await session.wake(spec, sample, _CHECK_S)
            exported = await session.control("export_conversation", _CHECK_S)
        except OSError as error:
            raise StartFailed(f"The sample for the wake check cannot be written: {error.strerror}.") from error
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        if ANSWER.encode() not in bytes(exported.response):
            raise StartFailed("A parked agent resumed a conversation without its history.")

    def _failed(self, member: Member) -> None:
        key = member.request.profile.key
        self._failures[key] += 1
        self._not_before[key] = self._now() + min(_RETRY_MAX_S, 2.0 ** self._failures[key])

    def _now(self) -> float:
        return self._ports.clock.monotonic()


@dataclass(frozen=True, slots=True)
class _Wake:
    """What a parked process is to resume, why its place is not known, and the end of the session that held it."""

    spec: AgentSpec
    unreadable: StoreUnusable | None
    ending: asyncio.Task[None] | None


class _Refused(Exception):
    """The conversation cannot be resumed, by whatever process."""

    def __init__(self, error: QuarterdeckError) -> None:
        super().__init__(error.message)
        self.error = error
