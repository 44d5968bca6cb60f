"""Which addresses are in house: on this machine, or on a network that the internet does not reach."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

#: Names that no public resolver knows (RFC 6761, RFC 6762, RFC 8375; ``.internal`` is ICANN's for private use).
_ENDINGS = (".localhost", ".local", ".internal", ".home.arpa", ".lan")
#: A name without a dot is a host or container of this network.
_SINGLE = re.compile(r"[a-z][a-z0-9_-]*")


def private_url(url: str) -> bool:
    """Whether the host of this URL is a loopback or private address, by its form alone: nothing is resolved."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(_SINGLE.fullmatch(host)) or host.endswith(_ENDINGS)
    return address.is_private or address.is_loopback
