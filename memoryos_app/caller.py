"""Who calls, and whose memory the call is about."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Request, g
from marshmallow import ValidationError

from memoryos_app.parts import parts
from memoryos_app.schemas.fields import clean_id
from memoryos_tasks.core.errors import Forbidden, InvalidRequest, Unauthorized
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.settings import is_loopback

#: The tenant of everything while API keys are off.
OPEN_TENANT = "default"


@dataclass(frozen=True, slots=True)
class Caller:
    """The tenant whose key was shown, and the one user that the key may act for, if it is bound.

    An ``admin`` may also make the operators' calls, which see every tenant.
    """

    tenant: str
    user: str | None = None
    admin: bool = False


def identify(request: Request) -> Caller:
    """The caller of a request. Raises :class:`Unauthorized` and :class:`Forbidden`."""
    settings = parts().settings()
    if not settings.auth_required:
        peer = request.remote_addr or ""
        here = (not peer or is_loopback(peer)) and by_loopback(request)
        if not here and not settings.auth.allow_open:
            raise Forbidden(
                "API keys are off, so only this machine may call, by a loopback address such as 127.0.0.1 and from "
                'no other site\'s page. Set auth.required = "on" and create a key.'
            )
        return Caller(OPEN_TENANT, admin=here)
    secret = secret_of(request)
    if not secret:
        raise Unauthorized
    key = parts().keys.find(secret)
    if key is None:
        raise Unauthorized("This API key is not known; it may have been revoked.")
    return Caller(key.tenant, key.user, key.admin)


def by_loopback(request: Request) -> bool:
    """Whether the call named this machine itself: not a browser with another site's page, not a proxy for others."""
    origin = request.headers.get("Origin")
    hosts = [f"//{request.host}", *([origin] if origin is not None else [])]
    try:
        return all(is_loopback(urlsplit(host).hostname or "") for host in hosts)
    except ValueError:
        return False


def secret_of(request: Request) -> str:
    """The key that a request shows; "" when it shows none."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    return request.headers.get("X-API-Key", "").strip()


def caller() -> Caller:
    """The caller of the current request."""
    found: Caller = g.caller
    return found


def admin_only() -> None:
    """Let only an operator pass. Raises :class:`Forbidden`."""
    if caller().admin:
        return
    if parts().settings().auth_required:
        raise Forbidden("This call needs an admin key; make one with 'memoryos keys create --admin'.")
    raise Forbidden(
        "API keys are off, so only this machine may make this call, and by a loopback address such as 127.0.0.1. "
        "From elsewhere, set auth.required = \"on\" and make a key with 'memoryos keys create --admin'."
    )


def owner_named(request: Request, named: str | None, param: str) -> Owner | None:
    """Whose memory: the body's user, else the header's, else the key's own; None when nobody is named.

    Raises :class:`Forbidden` when the key is bound to somebody else.
    """
    who = caller()
    header = header_id(request, "X-MemoryOS-User")
    user = named if named is not None else header if header is not None else who.user
    if user is None:
        return None
    if who.user is not None and user != who.user:
        field = param if named is not None else "X-MemoryOS-User"
        raise Forbidden("This API key may act for its own user only.", param=field)
    return Owner(who.tenant, user)


def owner_required(request: Request, named: str | None) -> Owner:
    """As :func:`owner_named`, for calls that make no sense without a user."""
    owner = owner_named(request, named, "user_id")
    if owner is None:
        raise InvalidRequest("user_id: is required (or the header X-MemoryOS-User).", param="user_id")
    return owner


def header_id(request: Request, name: str) -> str | None:
    """An id from a header, which may be UTF-8; None when absent or empty."""
    return header_text(request, name) if request.headers.get(name) else None


def header_text(request: Request, name: str) -> str | None:
    """As :func:`header_id`, but an empty header is an error."""
    value = request.headers.get(name)
    if value is None:
        return None
    with suppress(UnicodeError):
        # WSGI hands headers over as Latin-1.
        value = value.encode("latin-1").decode("utf-8")
    try:
        return clean_id(value)
    except ValidationError as error:
        raise InvalidRequest(f"{name}: {error.messages[0]}", param=name) from None
