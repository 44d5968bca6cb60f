"""Who may call the plane."""

from __future__ import annotations

import hashlib
import hmac

from flask import Request

from memoryos_app.caller import OPEN_TENANT, Caller, by_loopback, caller, identify, secret_of
from memoryos_app.parts import parts
from memoryos_tasks.core.errors import Forbidden, Unauthorized
from memoryos_tasks.core.plane.config import Auth
from memoryos_tasks.core.settings import is_loopback


def plane_caller(request: Request, auth: Auth) -> Caller:
    """The caller: with the plane's own key, with a key of the gateway, or, as neither is asked for, by where it is.

    Raises :class:`Unauthorized` and :class:`Forbidden`.
    """
    if not auth.enabled:
        return _open(request) if auth.allow_open else identify(request)
    shown = secret_of(request)
    if shown and auth.api_key and same(shown, auth.api_key):
        return Caller(OPEN_TENANT, admin=True)
    if shown and parts().settings().auth_required:
        return identify(request)
    raise Unauthorized("The plane needs its API key: send it as 'Authorization: Bearer ...' or 'X-API-Key'."
                       if not shown else "This is not the plane's API key.")


def _open(request: Request) -> Caller:
    """Anybody may use the models; only this machine may change which there are."""
    peer = request.remote_addr or ""
    return Caller(OPEN_TENANT, admin=(not peer or is_loopback(peer)) and by_loopback(request))


def same(shown: str, key: str) -> bool:
    """Whether the two are one, in a time that tells nothing of either: not how much agrees, nor how long they are."""
    one, other = (hashlib.sha256(each.encode("utf-8", "surrogatepass")).digest() for each in (shown, key))
    return hmac.compare_digest(one, other)


def operators_only() -> None:
    """Let only pass who may see and change the endpoints. Raises :class:`Forbidden`."""
    if not caller().admin:
        raise Forbidden("This call is for operators: show the plane's API key or an admin key of the gateway; or, "
                        "where none is asked for, call from this machine by a loopback address such as 127.0.0.1.")
