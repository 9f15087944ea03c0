"""The agents: what starts them, their credentials, folders and profiles, and the offline model that answers them."""

from __future__ import annotations

from pathlib import Path

from engine.backends.agent_dirs import AgentDirectories
from engine.backends.base import Profile
from engine.backends.build import build
from engine.backends.credential import Credential
from engine.backends.login import Login
from engine.backends.profiles import Profiles
from engine.backends.selection import BackendSelection, choose, credential_of, named_binary
from engine.base.errors import BackendMissing, NotSignedIn
from engine.base.operator import home_folder
from engine.events import types as ev
from engine.offline_model.server import OfflineModel
from engine.parts.core import Core
from engine.parts.part import Part
from engine.parts.processes import Processes
from engine.settings.schema import Settings


class Agents(Part):
    """Owner of the backends, profiles and logins."""

    name = "claude"

    def __init__(self, core: Core, processes: Processes, *, interactive: bool) -> None:
        self._core = core
        settings, environ = core.settings, core.environ
        home = home_folder(environ)
        own_config = Path(given) if (given := environ.get("CLAUDE_CONFIG_DIR")) else None
        self.choice: BackendSelection = choose(settings, own_config or home / ".claude", interactive=interactive)
        self.cli = self.choice.binary
        self._model: OfflineModel | None = None
        agents = processes.registry.folder(core.id)
        self._folders = AgentDirectories(core.state, settings.workspaces, home, own_config, agents)
        self.profiles = Profiles(
            lambda: core.settings, self._credential, self.choice.backend, offline=self.choice.offline
        )
        self.backend = build(settings, self._folders, self.choice.binary, self._credential)
        self.login = Login(
            self.choice.missing,
            lambda: credential_of(core.settings),
            self._folders.config,
            core.clock,
            ours=self.choice.offline,
        )
        core.bus.listen(self.login.follow)

    async def open(self) -> None:
        """Start the offline model where the settings want it."""
        if self.choice.offline:
            self._model = OfflineModel()
            await self._model.start()

    def configure(self, before: Settings, after: Settings) -> None:
        """Agents that start from now on follow the new settings."""
        if before.claude != after.claude:
            cli = self.cli if before.claude.binary == after.claude.binary else named_binary(after)
            self.backend.replace(build(after, self._folders, cli, self._credential))
            self.cli = cli

    async def aclose(self) -> None:
        """End the offline model."""
        if self._model is not None:
            await self._model.aclose()

    def profile_for(self, name: str, tenant: str) -> Profile:
        """A request's profile. Raises also BackendMissing or NotSignedIn when its agents could not work."""
        profile = self.profiles.find(name, tenant)
        self.login.check(profile)
        return profile

    def notice_missing(self) -> None:
        """Notify the operators when the default profile's agents cannot work."""
        if (profile := self.profiles.known("default")) is None:
            return
        try:
            self.login.check(profile)
        except (BackendMissing, NotSignedIn) as error:
            self._core.notice(f"no work can be taken: {error.message}", error.remedy, ev.Severity.CRITICAL)

    def _credential(self) -> Credential:
        if self._model is not None:
            return Credential(api_key="offline", base_url=self._model.url, ours=True)
        return credential_of(self._core.settings)
