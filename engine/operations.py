"""What an operator may do to a running engine; each refuses in read-only mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.approvals.broker import PermissionBroker
from engine.approvals.grants import Decision, Grant, decided
from engine.backends.base import Profile
from engine.backends.profiles import Profiles
from engine.base.clock import Clock
from engine.base.errors import BadInput, ConversationHeld, NotFound
from engine.base.read_only import check_writable
from engine.dispatch.dispatcher import Dispatcher
from engine.events.bus import Bus
from engine.pool.pool import Pool
from engine.recovery.classify.learned_rules import LearnedRule, Lesson
from engine.recovery.classify.rules import ErrorType
from engine.recovery.classify.service import ClassificationService
from engine.settings.live import ChangeRecord, LiveSettings
from engine.settings.schema import Settings


class Operations:
    """The acts over the parts of an engine, which owns them."""

    live: LiveSettings
    clock: Clock
    bus: Bus
    pool: Pool
    broker: PermissionBroker
    profiles: Profiles
    dispatcher: Dispatcher
    diagnosis: ClassificationService

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.live.current

    def answer(self, permission: str, *, expires: str | float | None = None, **given: Any) -> list[Grant]:
        """Answer a pending permission: `allowed`, `by`, `scope`, `message`, and `expires`, a time to live or a moment.

        Returns the grant that this gave. Raises NotFound, BadInput.
        """
        return self.broker.answer(permission, self._decided(expires, **given))

    def answer_group(self, group: str, *, expires: str | float | None = None, **given: Any) -> tuple[int, list[Grant]]:
        """Answer all that wait in a group, as `answer` does: how many, and the grants given."""
        return self.broker.answer_group(group, self._decided(expires, **given))

    def revoke_grant(self, grant: str, by: str) -> Grant:
        """Take a grant back. Raises NotFound."""
        self.check_writable()
        return self.broker.revoke(grant, by)

    def cancel(self, request: str, who: str) -> None:
        """End a request, waiting or running; its caller is told. Raises NotFound."""
        self.check_writable()
        self.dispatcher.cancel(request, who)

    def correct(self, error: str, kind: ErrorType, who: str) -> LearnedRule:
        """Learn that errors like this one are of that type. Raises NotFound, BadInput, StoreUnusable."""
        self.check_writable()
        view = next((each for each in reversed(self.bus.state.errors) if each.id == error), None)
        if view is None:
            remedy = "`quarterdeck errors` lists those that are remembered."
            raise NotFound(f"There is no error {error}.", field="id", remedy=remedy)
        if rule := self.diagnosis.fact_rule(view):
            text = f"Error {error} shows a fact that rule {rule} goes by, and a fact outranks what is taught"
            remedy = "Nothing was kept. Rules of your own in the file that `recovery.rules` names may decide otherwise."
            raise BadInput(f"{text}.", field="id", remedy=remedy)
        return self.diagnosis.learned.learn(Lesson(type=kind, text=view.said or view.text), who)

    def interrupt(self, session: str, who: str) -> bool:
        """End a session's turn, and the request with it; False when it has none. Raises NotFound."""
        self.check_writable()
        return self.dispatcher.interrupt(self.pool.session(session), who)

    async def stop_session(self, session: str, who: str, *, kill: bool = False, request: bool = True) -> list[str]:
        """Stop a session in steps or, with `kill`, at once, and the request that runs in it.

        Without `request` the request goes on in another session. Returns the requests ended. Raises NotFound.
        """
        self.check_writable()
        self.pool.session(session)
        ended = self.dispatcher.cancel_of(session, who) if request else []
        await self.pool.stop_session(session, f"{'killed' if kill else 'stopped'} by {who}", kill=kill)
        return ended

    def scale(self, size: int) -> int:
        """Keep so many sessions, whatever the load; returns the size gone to. Raises BadInput."""
        self.check_writable()
        return self.pool.scale(size)

    def autoscale(self, on: bool, who: str) -> None:
        """Follow the load from now on, or stay at the present size."""
        self.check_writable()
        if self.settings.session_pool.auto_scaling.enabled != on:
            self.live.propose({"session_pool.auto_scaling.enabled": on}, who)
        self.pool.scale(None)

    async def recycle_session(self, session: str, who: str, deadline: float) -> None:
        """No new work for a session; it ends with its turn, or after `deadline` seconds. Raises NotFound."""
        self.check_writable()
        await self.pool.drain_session(session, f"recycled by {who}", deadline)

    async def hibernate_session(self, session: str, who: str) -> str:
        """Give an idle session's process back; its conversation sleeps until it is gone on with. Returns it.

        Raises NotFound, ConversationHeld while a turn runs, BadInput where no conversation would sleep.
        """
        self.check_writable()
        found, entry = self.pool.session(session), self.pool.index.get(session)
        if self.pool.leased(session):
            remedy = f"Wait for its end, or `quarterdeck sessions interrupt {session}`."
            raise ConversationHeld(f"Session {session} runs a turn.", retryable=True, remedy=remedy)
        if entry is None or not entry.conversation:
            remedy = f"`quarterdeck sessions stop {session}` ends it."
            raise BadInput(f"Session {session} holds no conversation that could sleep.", field="id", remedy=remedy)
        await self.pool.drain_session(session, f"hibernated by {who}", 0.0)
        return found.conversation

    async def drain_profile(self, name: str, deadline: float) -> int:
        """Start none of a profile's sessions and end those that are there. Raises NotFound."""
        self.check_writable()
        return await self.pool.drain_profile(self._profile(name), "its profile is drained", deadline)

    def resume_profile(self, name: str) -> None:
        """A drained profile's sessions may start again. Raises NotFound."""
        self.check_writable()
        self.pool.resume_profile(self._profile(name))

    def change_settings(self, changes: Mapping[str, Any], who: str, *, remote: bool = False) -> ChangeRecord:
        """Apply changes live, all or none. Raises SettingsError, LocalOnly for a `remote` caller."""
        self.check_writable()
        return self.live.propose(changes, who, remote=remote)

    def check_writable(self) -> None:
        """Raises Forbidden in read-only mode."""
        check_writable(read_only=self.settings.engine.read_only)

    def _decided(
        self, expires: str | float | None, *, allowed: bool, by: str, scope: str = "once", message: str = ""
    ) -> Decision:
        self.check_writable()
        now, default = self.clock.wall(), self.settings.claude.grant_expiry
        return decided(allowed=allowed, by=by, scope=scope, expires=expires, message=message, now=now, default=default)

    def _profile(self, name: str) -> Profile:
        found = self.profiles.known(name)
        if found is None:
            known = ", ".join(self.settings.profiles)
            raise NotFound(f"There is no profile {name!r}.", field="profile", remedy=f"Known ones: {known}.")
        return found
