"""The registry as one JSON document at rest. Secrets in it are sealed; those named ``env:NAME`` stay names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import structlog

from memoryos_tasks.core.errors import UnreadableRegistry
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.catalogue import Catalogue
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.core.plane.config_rows import endpoint_of, endpoint_row, policy_row, shared_policy
from memoryos_tasks.ports.codec import Codec

log = structlog.get_logger(__name__)

#: Whose key seals the secrets of endpoints. No tenant has such a name.
OWNER = Owner("_plane", "registry")
_ENV = "env:"


class Documents:
    """Writes and reads them. ``environ``: where this node finds secrets that are named.

    Raises :class:`VaultDown` and, for a document that was sealed with keys of another vault, :class:`Unreadable`.
    """

    def __init__(self, codec: Codec, environ: Mapping[str, str]) -> None:
        self._codec = codec
        self._environ = environ
        self._missing: set[str] = set()

    def write(self, catalogue: Catalogue, at: float) -> str:
        """The document of the catalogue as changed at this time (seconds, UTC)."""
        return json.dumps({
            "at": at,
            "models": [self._row(each) for each in catalogue.configured.values()],
            "changes": {id: each and self._row(each) for id, each in catalogue.changed.items()},
            "files": dict(catalogue.files),
            "policy": catalogue.policy and policy_row(catalogue.policy),
        }, ensure_ascii=False)

    def read(self, document: str) -> tuple[Catalogue, float]:
        """The catalogue and the time of its last change. Raises :class:`UnreadableRegistry`."""
        if not document:
            return Catalogue(), 0.0
        try:
            rows: dict[str, Any] = json.loads(document)
            models = [self._endpoint(row) for row in rows["models"]]
            changes = {id: self._endpoint(row) if row else None for id, row in rows["changes"].items()}
            policy = shared_policy(rows["policy"]) if rows.get("policy") else None
            configured = {each.id: each for each in models}
            return Catalogue(configured, changes, dict(rows["files"]), policy), float(rows["at"])
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise UnreadableRegistry from error

    def _row(self, endpoint: Endpoint) -> dict[str, Any]:
        row = endpoint_row(endpoint)
        token = "" if endpoint.token_from else endpoint.token
        return {**row, "token": self._codec.seal(OWNER, token) if token else ""}

    def _endpoint(self, row: Mapping[str, Any]) -> Endpoint:
        named, sealed = str(row.get("token_from") or ""), str(row["token"])
        if named:
            name = named.removeprefix(_ENV)
            token = self._environ.get(name, "")
            if not token and name not in self._missing:
                self._missing.add(name)
                log.warning("endpoint_without_token", endpoint=row["id"], variable=name)
        else:
            token = self._codec.open(OWNER, sealed) if sealed else ""
        return endpoint_of({**row, "token": token})
