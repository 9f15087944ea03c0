"""Which addresses a webhook may be at: what a name leads to is checked, and that very address is connected to."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from engine.alerts.channels.base import NotificationFailed

_NAT64 = IPv6Network("64:ff9b::/96")
_ALLOW = (
    "Set `alerts.webhook.url` to a public address, or `alerts.webhook.allow_private` where it is meant to be inside."
)

Address = IPv4Address | IPv6Address


async def resolved(host: str, port: int, *, allow_private: bool) -> str:
    """The address to connect to. Raises NotificationFailed when the host has none, or one that is not allowed."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotificationFailed(
            f"{host} cannot be resolved: {error}.", remedy="Check `alerts.webhook.url`."
        ) from error
    addresses = [ip_address(str(where[0]).partition("%")[0]) for *_, where in found]
    for address in addresses:
        if not allow_private and not is_public(address):
            raise NotificationFailed(f"{host} is at {address}, which is not a public address.", remedy=_ALLOW)
    return str(addresses[0])


def is_public(address: Address) -> bool:
    """Whether an address is of the public internet: not private, loopback, link-local (metadata), shared or multicast.

    IPv4 addresses inside IPv6 ones count as what they lead to.
    """
    if isinstance(address, IPv6Address) and (inner := _inner(address)) is not None:
        return is_public(inner)
    return address.is_global and not address.is_multicast


def _inner(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
