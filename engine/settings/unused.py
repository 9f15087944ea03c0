"""Settings that nothing reads before a part of the engine lands: they load, and whoever sets them gets a notice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.base.loopback import is_loopback
from engine.settings import catalogue
from engine.settings.schema_surface import Api

DEFAULT = "default"
"""The origin of a setting that nobody gave."""


def refused(origins: Mapping[str, str]) -> list[str]:
    """A problem for each such key among these, by key and origin: a change that nothing would follow."""
    return [
        f"{key} ({origin}): not yet: nothing reads it before {part} lands; leave it out, or keep it in the file."
        for key, origin in origins.items()
        if (part := _waits_for(key))
    ]


def notices(origins: Mapping[str, str]) -> list[str]:
    """One line for each such setting that was given, by key and origin."""
    return [
        f"{key} ({origin}) is not used before {part} lands"
        for key, origin in origins.items()
        if origin != DEFAULT and (part := _waits_for(key))
    ]


def _waits_for(key: str) -> str:
    setting = catalogue.find(key)
    return setting.unused_before if setting is not None else ""


def exposure(api: Api) -> Iterator[tuple[str, str]]:
    """One warning with its remedy for a TCP listener beyond loopback; none otherwise."""
    if api.port is not None and not is_loopback(api.host):
        sentence = (
            f"The API listens on {api.host}:{api.port} without TLS: whoever can read this network can read the token, "
            "the prompts and the answers, and act with the token."
        )
        yield (
            sentence,
            "Set `api.host` to 127.0.0.1 and reach it by `ssh -L`, or by a proxy with TLS on this machine.",
        )
