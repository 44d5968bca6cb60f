"""The settings of the gateway's limits: how often somebody may call, and who that is behind a proxy."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from memoryos_tasks.core.spec import setting

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: Stands among the trusted proxies for one that comes by a Unix socket.
UNIX = "unix"


@dataclass(frozen=True, slots=True)
class Limits:
    """How often /v1/* may be called, over all gateways; 0 is no limit. One who asks too often is answered 429."""

    rps: float = setting(0.0, "Requests in one second of all callers together.", low=0, high=1000000)
    user_rate: float = setting(0.0, "Requests a second of one user, over time.", low=0, high=1000000)
    user_burst: int = setting(40, "Requests that one user may make at once.", low=1, high=1000000)
    ip_rate: float = setting(0.0, "Requests a second from one address (IPv6: one /64), over time.", low=0, high=1000000)
    ip_burst: int = setting(100, "Requests that may come from one address at once.", low=1, high=1000000)
    trusted_proxies: str = setting(
        "", "Your proxies' addresses or networks, comma-separated, such as 10.0.0.0/8; unix for one that comes by a "
        "Unix socket. From these alone X-Forwarded-For is believed, its last address that is none of them.")

    @property
    def any(self) -> bool:
        """Whether anything is limited."""
        return self.rps > 0 or self.user_rate > 0 or self.ip_rate > 0


def networks_of(proxies: str) -> Sequence[Network | str]:
    """The networks that ``trusted_proxies`` names. Raises ValueError with what is wrong."""
    found: list[Network | str] = []
    for name in (part.strip() for part in proxies.split(",")):
        if name == UNIX:
            found.append(UNIX)
        elif name:
            try:
                found.append(ipaddress.ip_network(name))
            except ValueError as error:
                raise ValueError(f"{name!r} is no address or network ({error}).") from None
    return found
