"""Settings of the agents themselves: the Claude CLI, the credential and the profiles."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from engine.settings.fields import (
    SECONDS,
    Backend,
    Duration,
    Group,
    Name,
    Number,
    PermissionMode,
    Place,
    PrintableText,
    WebAddress,
    Whole,
    setting,
)

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _variable_name(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ValueError("a name of letters, digits and _")
    return name


Environment = dict[Annotated[str, AfterValidator(_variable_name)], str]


class Claude(Group):
    """How the Claude Code CLI is started. A change reaches sessions that start after it."""

    binary: str = setting(
        "",
        "Path of the claude program; empty finds it on PATH or in claude-agent-sdk.",
        restart="sessions",
        local_only=True,
    )
    model: PrintableText = setting("", "Model of new sessions; empty leaves the choice to the CLI.", restart="sessions")
    max_tokens: Whole | None = setting(
        None,
        "Most tokens in one reply; empty leaves it to the CLI.",
        unit="tokens",
        ge=1,
        le=1_000_000,
        restart="sessions",
    )
    permission_mode: PermissionMode = setting("default", "What an agent may do without asking.", restart="sessions")
    max_retries: Whole = setting(
        0, "Retries the CLI makes by itself; the engine owns the rest.", unit="retries", ge=0, le=2, restart="sessions"
    )
    stream_hold: Duration = setting(
        0.08,
        "Time over which the CLI joins pieces of an answer that somebody watches; 0 writes each piece at once.",
        unit=SECONDS,
        ge=0,
        le=10,
        restart="sessions",
    )
    stream_hold_unwatched: Duration = setting(
        1.0,
        "The same while nobody watches: the caller reads no stream, and no transcript is open.",
        unit=SECONDS,
        ge=0,
        le=60,
        restart="sessions",
    )
    gc_interval: Duration | None = setting(
        None,
        "Time between two rounds of the CLI's garbage collector; 3 s saves CPU after a start and takes up to 10 % more "
        "memory. Empty leaves it to the CLI.",
        unit=SECONDS,
        ge=0.1,
        le=600,
        restart="sessions",
    )
    extra_args: tuple[str, ...] = setting(
        (), "More arguments for the claude program.", restart="sessions", local_only=True
    )
    setting_sources: tuple[str, ...] | None = setting(
        None,
        "Settings files of Claude that sessions read (user, project, local); empty reads none.",
        restart="sessions",
        local_only=True,
    )
    permission_timeout: Duration = setting(
        1800.0,
        "Time an approval may wait for an answer before it is denied; a request may give its own.",
        unit=SECONDS,
        ge=0.1,
        le=7 * 86_400,
    )
    grant_expiry: Duration = setting(
        28_800.0,
        "Life of a grant for a conversation or profile when its answer names none.",
        unit=SECONDS,
        ge=1,
        le=2_592_000,
    )


class Credential(Group):
    """How the agents log in. Without any of these the operator's own `claude login` is used."""

    api_key: SecretStr | None = setting(
        None, "API key of the Anthropic API.", secret=True, restart="sessions", local_only=True
    )
    auth_token: SecretStr | None = setting(
        None, "Bearer token for a gateway.", secret=True, restart="sessions", local_only=True
    )
    oauth_token: SecretStr | None = setting(
        None, "Long-lived token from `claude setup-token`.", secret=True, restart="sessions", local_only=True
    )
    base_url: WebAddress = setting(
        "",
        "Address of the Messages API; empty is Anthropic's own.",
        secret=True,
        address=True,
        restart="sessions",
        local_only=True,
    )
    share_login: bool = setting(
        True,
        "Whether sessions of tenant default use the operator's Claude configuration directory.",
        restart="sessions",
        local_only=True,
    )


class Profile(Group):
    """What must be equal for two requests to share a session; what is left empty comes from the other groups."""

    backend: Backend | None = setting(None, "Backend of this profile; empty takes engine.backend.", restart="sessions")
    model: PrintableText | None = setting(None, "Model of this profile; empty takes claude.model.", restart="sessions")
    workspace: Place | None = setting(
        None,
        "Working directory of its sessions; empty gives each conversation its own.",
        restart="sessions",
        local_only=True,
    )
    directories: tuple[Place, ...] = setting(
        (), "Directories that a request may work in by naming one with `cwd`, or a folder below one.", local_only=True
    )
    permission_mode: PermissionMode | None = setting(
        None, "What its agents may do; empty takes claude.permission_mode.", restart="sessions"
    )
    tenant: Name = setting("default", "Tenant whose requests may use this profile.", restart="sessions")
    environment: Environment = setting(
        dict,
        "More environment variables for its agents.",
        secret=True,
        shown="none",
        restart="sessions",
        local_only=True,
    )
    warm: Whole = setting(0, "Never used sessions of this profile kept ready.", unit="sessions", ge=0, le=1000)
    weight: Number = setting(
        1.0,
        "Part of the pool that this profile gets when profiles compete for sessions.",
        unit="ratio",
        ge=0.01,
        le=100,
    )
    allow_github_token: bool = setting(
        False, "Whether its agents are given security.github_token.", restart="sessions", local_only=True
    )
