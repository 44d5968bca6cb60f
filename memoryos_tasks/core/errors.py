"""Every error that MemoryOS raises on purpose.

An error says what happened, which field it is about and what to do. ``code``, ``status`` and
``type`` are the OpenAI-shaped answer that a client gets; the docstring is the default message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class MemoryOSError(Exception):
    """Something went wrong inside MemoryOS."""

    code = "internal_error"
    status = 500
    type = "server_error"

    def __init__(
        self,
        message: str | None = None,
        *,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.message = message or " ".join((type(self).__doc__ or "").split())
        self.param = param
        self.retry_after = retry_after
        #: Of a chat that failed: which models were asked. No part of what a client is told in words.
        self.route: Mapping[str, Any] | None = None
        super().__init__(self.message)

    def described(self) -> dict[str, Any]:
        """The error as it stands in a job and goes to whoever answers the client."""
        told: dict[str, Any] = {
            "message": self.message,
            "type": self.type,
            "param": self.param,
            "code": self.code,
            "status": self.status,
            "retry_after": self.retry_after,
        }
        return told if self.route is None else {**told, "route": self.route}


class ConfigError(MemoryOSError):
    """The configuration is not valid."""

    code = "invalid_configuration"


class InvalidRequest(MemoryOSError):
    """The request is not valid."""

    code = "invalid_request"
    status = 400
    type = "invalid_request_error"


class BodyTooLarge(InvalidRequest):
    """The request body is larger than this call accepts."""

    code = "body_too_large"
    status = 413


class Unauthorized(InvalidRequest):
    """This server needs an API key: send it as 'Authorization: Bearer mos-...'."""

    code = "invalid_api_key"
    status = 401


class Forbidden(InvalidRequest):
    """This API key may not do that."""

    code = "forbidden"
    status = 403


class SensitiveContent(Forbidden):
    """The messages hold sensitive words or numbers, which go to no cloud model, and no model in house can answer.
    Nothing was sent. Leave them out, or let the operator set router.local or change router.sensitive_keywords."""

    code = "sensitive_content"
    type = "permission_error"


class NotFound(InvalidRequest):
    """There is nothing under this id."""

    code = "not_found"
    status = 404


class ModelNotFound(NotFound):
    """The model does not exist or has no provider configured."""

    code = "model_not_found"


class EventConflict(InvalidRequest):
    """This event_id was already used with other content; nothing was applied."""

    code = "event_id_conflict"
    status = 409


class Unavailable(MemoryOSError):
    """A part that this call needs is not reachable; try again."""

    code = "service_unavailable"
    status = 503


class TruthDown(Unavailable):
    """The store of record is not reachable, so nothing can be written; try again."""

    code = "truth_unavailable"


class TrafficDown(Unavailable):
    """The task broker is not reachable, so no work can be queued; try again."""

    code = "traffic_unavailable"


class Busy(Unavailable):
    """Another run keeps this user's memory; try again."""

    code = "busy"


class QueueFull(Unavailable):
    """Too much work is waiting; nothing was accepted. Try again in a moment."""

    code = "queue_full"
    status = 429
    type = "rate_limit_error"


class RateLimited(Unavailable):
    """Too many requests in too short a time; wait as long as Retry-After says."""

    code = "rate_limit_exceeded"
    status = 429
    type = "rate_limit_error"


class EndpointBusy(Unavailable):
    """As many runs as llm.max_concurrent allows are at this model; try again in a moment."""

    code = "endpoint_busy"
    status = 429
    type = "rate_limit_error"


class VectorsDown(Unavailable):
    """The vector store is not reachable; try again."""

    code = "vectors_unavailable"


class EmbedderDown(Unavailable):
    """The embedding model is not reachable; try again."""

    code = "embedder_unavailable"


class VaultDown(Unavailable):
    """The vault that keeps the users' keys cannot be read or written; try again."""

    code = "vault_unavailable"


class RegistryDown(Unavailable):
    """The shared registry of the model control plane is not reachable, so nothing can be changed there; try again."""

    code = "registry_unavailable"


class UnreadableRegistry(MemoryOSError):
    """The shared registry of the model control plane holds a document that this version cannot read: update this node,
    or empty the registry, which is filled again from the nodes' files."""

    code = "unreadable_registry"


class Unreadable(MemoryOSError):
    """This text was sealed with a key that is not in the vault: its user was erased, or the vault is another one."""

    code = "unreadable_text"


class UpstreamError(MemoryOSError):
    """The model provider failed."""

    code = "upstream_error"
    status = 502

    def __init__(
        self,
        message: str | None = None,
        *,
        param: str | None = None,
        retry_after: float | None = None,
        upstream_status: int | None = None,
    ) -> None:
        super().__init__(message, param=param, retry_after=retry_after)
        self.upstream_status = upstream_status


class UpstreamRefused(UpstreamError):
    """The model provider refused the request."""

    code = "upstream_refused"


class UpstreamTimeout(UpstreamError):
    """The model provider did not answer in time."""

    code = "upstream_timeout"
    status = 504


class Cancelled(MemoryOSError):
    """The run was cancelled."""

    code = "cancelled"
    status = 499


class LostClaim(MemoryOSError):
    """Another run took this job over; this one must stop without effect."""

    code = "lost_claim"
    status = 409


class DeadlineExceeded(MemoryOSError):
    """The job did not finish before its deadline."""

    code = "deadline_exceeded"
    status = 504


class WorkerLost(MemoryOSError):
    """Every run of this job was lost with its worker."""

    code = "worker_lost"
