"""Asking a gateway whether it is ready."""

from __future__ import annotations

import http.client
import json
from typing import Any


def reachable(host: str) -> str:
    """An address at which a server that listens on ``host`` answers from this machine."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1", "[::]": "::1"}.get(host, host.strip("[]"))


def base_url(host: str, port: int) -> str:
    """The URL under which this machine finds the gateway."""
    name = reachable(host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def ask(host: str, port: int, path: str, timeout: float = 2.0) -> tuple[int, Any]:
    """Status and JSON of a GET; ``(0, None)`` when nobody answers, None for a body that is not JSON."""
    connection = http.client.HTTPConnection(reachable(host), port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(1_000_000)
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()
    try:
        return answer.status, json.loads(body)
    except ValueError:
        return answer.status, None
