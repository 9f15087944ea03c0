"""Whether the API can be reached from other machines in clear text, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator

from engine.base.loopback import is_loopback
from engine.settings.schema_surface import Api


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
