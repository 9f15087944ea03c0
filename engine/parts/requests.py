"""The dispatcher, requests that nobody waits for, and the checkpoints of those that a shutdown interrupts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from engine.backends.transcript_search import AgentTranscripts
from engine.base.errors import NotFound, Overloaded, QuarterdeckError, internal_error
from engine.base.nursery import Nursery
from engine.dispatch.dispatcher import Dispatcher
from engine.dispatch.ports import DispatcherPorts
from engine.parts.agents import Agents
from engine.parts.core import Core
from engine.parts.flow import Flow
from engine.parts.part import Part
from engine.parts.recovery import Recovery
from engine.parts.resilience import Resilience
from engine.parts.sessions import Sessions
from engine.recovery.breakers.guard import BreakerGuard
from engine.requests import Answer, AnswerStream, Request
from engine.tasks.checkpoints import Checkpoint, Checkpoints
from engine.tasks.kept_answers import KeptAnswers
from engine.tasks.resumption import Resumption, ResumptionPorts

OnEnd = Callable[[Answer | QuarterdeckError], None]


class Requests(Part):
    """Owner of the requests on their way and of their checkpoints."""

    def __init__(
        self, core: Core, agents: Agents, flow: Flow, resilience: Resilience, sessions: Sessions, recovery: Recovery
    ) -> None:
        self._core, self._agents, self._sessions = core, agents, sessions
        self._sent = Nursery("sent requests", core.on_chore_error)
        self._checkpointed: set[str] = set()
        pool = sessions.pool
        self.dispatcher = Dispatcher(
            DispatcherPorts(
                bus=core.bus,
                clock=core.clock,
                cache=flow.answers,
                guard=BreakerGuard(resilience.breakers, self._retire_session),
                recoveries=recovery.orchestrator,
                pool=pool,
                transcripts=AgentTranscripts(agents.backend, core.buffers),
                retry=lambda: resilience.retry,
                budget=resilience.budget,
                load=lambda: min(1.0, pool.utilisation),
                profile=agents.profile_for,
                error_of=resilience.classification.error_of,
            ),
            core.rng,
        )
        self.kept_answers = KeptAnswers(core.clock)
        self.checkpoints = Checkpoints(core.state / "checkpoints")
        self.resumption = Resumption(
            self.checkpoints,
            ResumptionPorts(
                clock=core.clock,
                check=self.check,
                submit=self.submit,
                spawn=self._sent.spawn,
                begun=self._has_begun,
                expiry=lambda: core.settings.recovery.checkpoint_expiry,
                running=lambda: core.phase == "running",
            ),
        )

    async def submit(self, request: Request, stream: AnswerStream | None = None) -> Answer:
        """Answer a request. Raises the QuarterdeckError that states why not."""
        self._check_running()
        return await self.dispatcher.dispatch(request, stream)

    def check(self, request: Request) -> None:
        """Raises what `submit` would raise at once."""
        self._check_running()
        self.dispatcher.check(request)

    def send(self, request: Request, on_end: OnEnd | None = None) -> str:
        """Submit a request without waiting for its answer, whose end is an event; returns its id."""
        self.check(request)
        self._sent.spawn(self._submit_quietly(request, on_end), f"request {request.id}")
        return request.id

    async def stop(self, *, at_once: bool) -> None:  # noqa: ARG002 - what was sent is checkpointed
        """End the requests that nobody waits for."""
        await self._sent.aclose()

    def checkpoint(self) -> None:
        """Save what is on its way, once."""
        for active in self.dispatcher.active_requests.values():
            if active.request.id not in self._checkpointed:
                self._checkpointed.add(active.request.id)
                self._core.bus.publish(self.checkpoints.keep(active, "graceful_shutdown", self._core.clock.wall()))

    def follow_checkpoints(self) -> None:
        """Resume what the last shutdown interrupted where the settings state so; else notify that it is there."""
        rows, remedy = self.resumption.rows(), "`quarterdeck checkpoints` lists and resumes them."
        if self._core.settings.recovery.resume_on_start:
            for refused in self.resumption.resume_all():
                self._core.notice(refused, remedy)
        elif rows:
            self._core.notice(f"{len(rows)} requests were broken off by a shutdown and wait as checkpoints.", remedy)
        for path in self.checkpoints.damaged:
            self._core.notice(f"a checkpoint could not be read and was moved to {path}", "Look at it, or delete it.")

    def _check_running(self) -> None:
        phase = self._core.phase
        if phase != "running":
            remedy = "Try again in a moment." if phase == "starting" else "Try again when it is back."
            raise Overloaded(f"The engine is {phase}.", remedy=remedy, retry_after=5.0)

    async def _submit_quietly(self, request: Request, on_end: OnEnd | None) -> None:
        outcome: Answer | QuarterdeckError
        try:
            outcome = await self.submit(request)
        except QuarterdeckError as error:  # its RequestEnded event states it
            outcome = error
        except Exception as error:  # a worker's border: the caller gets an end, the notice gets the error
            if on_end is not None:
                on_end(internal_error(error))
            raise
        if on_end is not None:
            on_end(outcome)

    def _has_begun(self, checkpoint: Checkpoint) -> bool:
        """Whether its conversation can be resumed."""
        profile = self._agents.profiles.known(checkpoint.profile)
        if profile is None or not checkpoint.conversation:
            return False
        return self._agents.backend.transcript(profile, checkpoint.conversation) is not None

    def _retire_session(self, session: str, reason: str) -> None:
        with contextlib.suppress(NotFound):  # it is gone already
            self._sessions.pool.retire(session, reason)
