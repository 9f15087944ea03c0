"""Whether the credential of a profile is there, before work starts: a cheap look, repeated while it is missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.backends.base import Profile
from engine.backends.credential import Credential, brings_key, credential_for, signs_in_by_itself
from engine.backends.selection import NO_CREDENTIALS, signed_in
from engine.base.clock import Clock
from engine.base.errors import BackendMissing, ErrorKind, NotSignedIn
from engine.events.types import ErrorSeen, EventEnvelope

LOOK_AGAIN_S = 60.0
"""Time after which a credential that was there is looked for again."""
CLI_REMEDY = "Install the Claude Code CLI, `pip install 'quarterdeck[claude]'`, or set `claude.binary`."
LOGIN_REMEDY = "`claude login`, or set ANTHROPIC_API_KEY; `--backend simulator` needs neither."
OWN_REMEDY = (
    "Put its key into the profile's `environment` (ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN), or log in to its "
    "CLAUDE_CONFIG_DIR; a profile that signs in by itself is given none of the engine's own credential."
)


class Login:
    """Owner of what was found last, by profile. `config` is where a profile's agents keep their configuration.

    `cli` states what of the CLI itself is missing, `ours` whether the engine supplies the credential itself.
    """

    def __init__(
        self,
        cli: str,
        credential: Callable[[], Credential],
        config: Callable[[Profile], Path],
        clock: Clock,
        *,
        ours: bool,
    ) -> None:
        self._cli = cli
        self._credential = credential
        self._config = config
        self._clock = clock
        self._ours = ours
        self._found: dict[tuple[str, str], float] = {}

    def missing(self, profile: Profile) -> str:
        """What a profile's agents lack, empty for nothing."""
        if profile.backend != "claude":
            return ""
        if self._cli:
            return self._cli
        now, found = self._clock.monotonic(), self._found.get((profile.tenant, profile.name))
        if self._ours or (found is not None and now - found < LOOK_AGAIN_S):
            return ""
        given = credential_for(profile.environment, self._credential())
        if brings_key(profile.environment) or signed_in(given, self._config(profile)):
            self._found[profile.tenant, profile.name] = now
            return ""
        return NO_CREDENTIALS

    def check(self, profile: Profile) -> None:
        """Raises BackendMissing or NotSignedIn for a profile whose agents could not work."""
        missing = self.missing(profile)
        if missing == NO_CREDENTIALS:
            remedy = OWN_REMEDY if signs_in_by_itself(profile.environment) else LOGIN_REMEDY
            raise NotSignedIn(f"Profile {profile.name} has no credential: {missing}.", remedy=remedy)
        if missing:
            raise BackendMissing(f"There is {missing}.", remedy=CLI_REMEDY)

    def follow(self, stamped: EventEnvelope) -> None:
        """After the API refused a credential, whether one is there is looked at again."""
        event = stamped.event
        if isinstance(event, ErrorSeen) and event.kind == ErrorKind.AUTH:
            self._found.clear()
