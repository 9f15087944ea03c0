"""The one schema of all settings: every field with default, unit, range, description, and live or restart."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from engine.settings.fields import Group
from engine.settings.schema_agents import Claude, Credential, Profile
from engine.settings.schema_alerts import AlertCommand, Alerts, AlertWebhook
from engine.settings.schema_flow import Cache, Queue, Workers
from engine.settings.schema_profiler import Profiler
from engine.settings.schema_surface import Api, Console, Database, Engine, Events, Log, Security
from engine.settings.schema_work import (
    AutoScaling,
    CircuitBreaker,
    LoadBalancing,
    Recovery,
    Retry,
    RetryByType,
    RetryOfType,
    SessionPool,
)

__all__ = [
    "AlertCommand",
    "AlertWebhook",
    "Alerts",
    "Api",
    "AutoScaling",
    "Cache",
    "CircuitBreaker",
    "Claude",
    "Console",
    "Credential",
    "Database",
    "Engine",
    "Events",
    "LoadBalancing",
    "Log",
    "Profile",
    "Profiler",
    "Queue",
    "Recovery",
    "Retry",
    "RetryByType",
    "RetryOfType",
    "Security",
    "SessionPool",
    "Settings",
    "Workers",
]
_PROFILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
DEFAULT_PROFILE = "default"


def _profile_name(name: str) -> str:
    if not _PROFILE_NAME.fullmatch(name):
        raise ValueError("a name of 1 to 64 letters, digits, - and _")
    return name


def _with_default(profiles: dict[str, Profile]) -> dict[str, Profile]:
    return {DEFAULT_PROFILE: Profile(), **profiles}


def _only_default() -> dict[str, Profile]:
    return {DEFAULT_PROFILE: Profile()}


Profiles = Annotated[
    dict[Annotated[str, AfterValidator(_profile_name)], Profile],
    AfterValidator(_with_default),
]


class Settings(Group):
    """All settings of one engine, validated as a whole and never changed in place."""

    engine: Engine = Field(default_factory=Engine)
    session_pool: SessionPool = Field(default_factory=SessionPool)
    circuit_breaker: CircuitBreaker = Field(default_factory=CircuitBreaker)
    retry: Retry = Field(default_factory=Retry)
    recovery: Recovery = Field(default_factory=Recovery)
    alerts: Alerts = Field(default_factory=Alerts)
    queue: Queue = Field(default_factory=Queue)
    cache: Cache = Field(default_factory=Cache)
    claude: Claude = Field(default_factory=Claude)
    credential: Credential = Field(default_factory=Credential)
    profiles: Profiles = Field(default_factory=_only_default)
    database: Database = Field(default_factory=Database)
    api: Api = Field(default_factory=Api)
    events: Events = Field(default_factory=Events)
    workers: Workers = Field(default_factory=Workers)
    profiler: Profiler = Field(default_factory=Profiler)
    console: Console = Field(default_factory=Console)
    log: Log = Field(default_factory=Log)
    security: Security = Field(default_factory=Security)

    @property
    def workspaces(self) -> Path:
        """The directory under which tasks get their workspaces."""
        return self.engine.output_directory or self.engine.state_dir / "workspaces"

    @property
    def recordings(self) -> Path:
        """The directory that the flight recorder writes to."""
        return self.events.recording_dir or self.engine.state_dir / "recordings"

    @property
    def captures(self) -> Path:
        """The directory that the profiler writes to."""
        return self.profiler.folder or self.engine.state_dir / "profiler"

    @property
    def token_file(self) -> Path:
        """The file of the token that TCP asks for, which its owner alone may read."""
        return self.api.token_file or self.engine.state_dir / "token"

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the database, password included: not for printing."""
        if self.database.url is not None:
            return self.database.url.get_secret_value()
        return f"sqlite:///{self.engine.state_dir / 'quarterdeck.db'}"
