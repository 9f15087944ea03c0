"""Which hosts are this machine and nothing else."""

from __future__ import annotations

import ipaddress
import re

_HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(?::[0-9]*)?")


def is_loopback(host: str) -> bool:
    """Whether a name or address, as it stands in a URL, is this machine's own and no network's."""
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def names_loopback(header: str) -> bool:
    """Whether the value of a `Host` header, with or without a port, names this machine."""
    match = _HOST.fullmatch(header)
    return match is not None and is_loopback(match[1])
