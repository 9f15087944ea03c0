"""Profiles by name, with what they leave empty filled in from the other settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from engine.backends.base import Profile
from engine.backends.credential import Credential, brings_key, credential_for, endpoint_of, needs_own_home
from engine.backends.fingerprint import fingerprint
from engine.base.caller import DEFAULT_TENANT
from engine.base.errors import Forbidden, NotFound
from engine.settings.schema import Settings


def profile_note(tenant: str) -> str:
    """What keeps requests from a tenant's profiles, or nothing: every request is of the default tenant so far."""
    return "" if tenant == DEFAULT_TENANT else "reachable once tokens land"


class Profiles:
    """Read afresh from the settings at each look-up. `offline` gives every profile a home of its own."""

    def __init__(
        self, settings: Callable[[], Settings], credential: Callable[[], Credential], backend: str, *, offline: bool
    ) -> None:
        self._settings = settings
        self._credential = credential
        self._backend = backend
        self._offline = offline
        self._known: dict[str, Profile] = {}
        self._known_for: tuple[Settings, Credential] | None = None

    def find(self, name: str, tenant: str) -> Profile:
        """The profile for a tenant. Raises NotFound for an unknown one or another tenant's, Forbidden without a key."""
        settings = self._settings()
        given = settings.profiles.get(name)
        if given is None or given.tenant != tenant:
            known = ", ".join(key for key, profile in settings.profiles.items() if profile.tenant == tenant) or "none"
            raise NotFound(
                f"There is no profile {name!r} for tenant {tenant!r}.",
                field="profile",
                remedy=f"Known ones: {known}. Profiles are made with `profiles.<name>` in the settings.",
            )
        return self._cached(name) or self._make(name, tenant)

    def _cached(self, name: str) -> Profile | None:
        """What was made of the present settings; a change forgets all."""
        present = (self._settings(), self._credential())
        if self._known_for is None or present[0] is not self._known_for[0] or present[1] != self._known_for[1]:
            self._known, self._known_for = {}, present
        return self._known.get(name)

    def _make(self, name: str, tenant: str) -> Profile:
        settings = self._settings()
        given = settings.profiles[name]
        backend = self._backend if given.backend in {None, "auto"} else str(given.backend)
        if tenant != DEFAULT_TENANT and backend == "claude":
            self._refuse_login(name, given.environment)
        environment = dict(given.environment)
        token = settings.security.github_token
        if given.allow_github_token and token is not None:
            environment["GITHUB_TOKEN"] = token.get_secret_value()
        made = Profile(
            name=name,
            tenant=tenant,
            backend=backend,
            model=given.model if given.model is not None else settings.claude.model,
            permission_mode=given.permission_mode or settings.claude.permission_mode,
            workspace=given.workspace,
            directories=given.directories,
            environment=environment,
            own_home=self._needs_home(backend, tenant)
            or not settings.credential.share_login
            or needs_own_home(environment),
            endpoint=endpoint_of(environment, self._credential()),
        )
        signed = credential_for(environment, self._credential()).environment()
        made = replace(made, fingerprint=fingerprint(made, settings, signed))
        self._known[name] = made
        return made

    def known(self, name: str) -> Profile | None:
        """The profile by its name alone, for work of the engine's own; None for an unknown or unusable one."""
        given = self._settings().profiles.get(name)
        try:
            return self.find(name, given.tenant) if given is not None else None
        except Forbidden:
            return None

    def all(self) -> list[Profile]:
        """Every profile of the settings that can be used."""
        return [profile for name in self._settings().profiles if (profile := self.known(name)) is not None]

    def _needs_home(self, backend: str, tenant: str) -> bool:
        """Whether the operator's own Claude configuration is out of bounds."""
        return self._offline or backend != "claude" or tenant != DEFAULT_TENANT

    def _refuse_login(self, name: str, environment: Mapping[str, str]) -> None:
        credential = credential_for(environment, self._credential())
        if not (credential.api_key or credential.auth_token or brings_key(environment)):
            raise Forbidden(
                f"Profile {name!r} belongs to a tenant, and a personal login may not serve tenants.",
                field="profile",
                remedy="Set `credential.api_key` or `credential.auth_token`.",
            )


WIDTH = ("plan", "dontAsk", "default", "acceptEdits", "auto", "bypassPermissions")
"""From the narrowest to the widest."""


def narrower(one: str, other: str) -> str:
    """The one of two modes that allows less; an unknown one counts as the widest."""
    return min(one, other, key=lambda mode: WIDTH.index(mode) if mode in WIDTH else len(WIDTH))
