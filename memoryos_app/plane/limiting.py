"""How often somebody may call: by user, by address and all together, in the headers and in a 429."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from flask import Flask, Request, Response, g, request
from werkzeug.exceptions import HTTPException

from memoryos_app import body
from memoryos_app.caller import caller, header_id
from memoryos_app.parts import parts
from memoryos_app.schemas.fields import ID_LENGTH
from memoryos_tasks.adapters.redis.keyspace import part
from memoryos_tasks.core.errors import MemoryOSError, RateLimited
from memoryos_tasks.core.settings_limits import UNIX, Network, networks_of
from memoryos_tasks.ports.plane.limits import Bound, Verdict

#: Whose buckets they are: those of ``/v1/*`` and those of the plane.
GATEWAY, PLANE = "v1", "plane"
#: Who comes by a trusted proxy that passes on what is no address.
NOBODY = "unknown"


class Rates(Protocol):
    """What is allowed; 0 is no limit."""

    @property
    def rps(self) -> float: ...
    @property
    def user_rate(self) -> float: ...
    @property
    def user_burst(self) -> float: ...
    @property
    def ip_rate(self) -> float: ...
    @property
    def ip_burst(self) -> float: ...


def bounds(scope: str, rates: Rates, *, tenant: str, user: str | None, ip: str) -> list[Bound]:
    """The bounds that a request falls under; somebody without a name has no bucket but the address's."""
    found = []
    if rates.rps > 0:
        # No more than so many in any second; below one a second, one at a time.
        most = max(1, int(rates.rps))
        found.append(Bound(f"{scope}:all", rates.rps, most, rolling=True))
    if rates.user_rate > 0 and user:
        found.append(Bound(f"{scope}:user:{tenant}:{part(user)}", rates.user_rate, max(1, int(rates.user_burst))))
    return found + of_address(scope, rates, ip)


def of_address(scope: str, rates: Rates, ip: str) -> list[Bound]:
    """The bound of an address alone."""
    if rates.ip_rate <= 0:
        return []
    return [Bound(f"{scope}:ip:{part(_block(ip))}", rates.ip_rate, max(1, int(rates.ip_burst)))]


def admit(taken: Sequence[Bound]) -> None:
    """Count the request. Raises :class:`RateLimited`; the answer's headers tell how things stand either way."""
    verdict = parts().limiter.take(taken)
    if verdict is None:
        return
    g.verdict = verdict
    if not verdict.allowed:
        wait = max(1, math.ceil(verdict.wait))
        raise RateLimited(f"Too many requests: this is more than {verdict.limit} at once; try again in {wait} s.",
                          retry_after=wait)


def headers(response: Response) -> Response:
    """Say how things stand: the bound's size, what is left of it, and the seconds until it is whole."""
    verdict: Verdict | None = g.get("verdict")
    if verdict is not None:
        response.headers["X-RateLimit-Limit"] = str(verdict.limit)
        response.headers["X-RateLimit-Remaining"] = str(verdict.remaining)
        response.headers["X-RateLimit-Reset"] = str(math.ceil(verdict.reset))
    return response


def user_of(request: Request, field: str | None) -> str | None:
    """Who asks: the one user that the key may act for, else the one of the body's ``field``, else the header's.

    The body is kept for its reader. Raises what is wrong with the body or the header.
    """
    named = caller().user
    if named is None and field is not None and _has_json(request):
        read = body.read_json(request)
        named = read.get(field) if isinstance(read, dict) else None
    if not isinstance(named, str) or not named:
        return header_id(request, "X-MemoryOS-User")
    return named if len(named) <= ID_LENGTH else None  # A longer one is refused where it is read.


def _has_json(request: Request) -> bool:
    sent = bool(request.content_length) or "Transfer-Encoding" in request.headers
    return sent and request.method in ("POST", "PATCH") and (not request.mimetype or request.mimetype.endswith("json"))


def client_address(request: Request, trusted: str) -> str:
    """Whose address counts: the connection's, or behind trusted proxies the last one of X-Forwarded-For that is none
    of theirs. What such a proxy passes on that is no address counts as nobody's."""
    networks = _networks(trusted)
    peer = request.remote_addr or UNIX
    if not _within(peer, networks):
        return peer
    forwarded = [name.strip() for name in ",".join(request.headers.getlist("X-Forwarded-For")).split(",")]
    for name in reversed([name for name in forwarded if name]):
        address = _address(name)
        if address is None:
            return NOBODY
        peer = address
        if not _within(address, networks):
            break
    return peer


@lru_cache(maxsize=8)
def _networks(trusted: str) -> Sequence[Network | str]:
    return networks_of(trusted)


def _within(name: str, networks: Sequence[Network | str]) -> bool:
    if name == UNIX:
        return UNIX in networks
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(not isinstance(one, str) and mapped in one for one in networks)


def _address(name: str) -> str | None:
    """The address of a forwarded name, which may carry a port; None when it is none."""
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return None


def _block(ip: str) -> str:
    """Who has an address: for IPv6 a /64, of which one machine has all."""
    try:
        address = ipaddress.ip_address(ip.partition("%")[0])
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))


def install(app: Flask) -> None:
    """Limit ``/v1/*`` as ``[limits]`` says, after its caller is known."""
    app.before_request(_gate)
    tell(app)


def tell(app: Flask) -> None:
    """Have the answers say how their bounds stand."""
    if headers not in app.after_request_funcs.get(None, []):
        app.after_request(headers)


def _gate() -> None:
    settings = parts().settings()
    if not settings.limits.any or not request.path.startswith("/v1/"):
        return
    ip = client_address(request, settings.limits.trusted_proxies)
    try:
        user, wrong = user_of(request, _field(request.path)), None
    except (MemoryOSError, HTTPException) as error:
        user, wrong = caller().user, error
    user = user or request.args.get("user_id", "")[:ID_LENGTH]
    admit(bounds(GATEWAY, settings.limits, tenant=caller().tenant, user=user, ip=ip))
    if wrong is not None:
        raise wrong


def _field(path: str) -> str | None:
    """Where a body names its user. An import's is read as it arrives, and named in its query."""
    if path.startswith("/v1/chat/"):
        return "user"
    return None if path == "/v1/memory/import" else "user_id"
