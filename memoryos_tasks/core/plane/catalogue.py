"""What the nodes of the plane share: its policy, the endpoints of the configuration, and what was changed at run time.

A change at run time outlives new configurations until the configuration's own word on that endpoint changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from memoryos_tasks.core.errors import NotFound
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.core.plane.policy import Policy

#: Nodes of which it is remembered what their files said.
MOST_NODES = 64
#: Ends the digest of a file that says a policy.
SPOKEN = "p"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """``changed`` holds None for an endpoint of the configuration that was removed at run time.

    ``files`` holds by node the digest of what its file said last; the node that said something last is last.
    ``policy`` is None until a file has said one.
    """

    configured: Mapping[str, Endpoint] = field(default_factory=dict)
    changed: Mapping[str, Endpoint | None] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    policy: Policy | None = None

    def endpoints(self) -> tuple[Endpoint, ...]:
        """What there is: the configuration's endpoints in its order, then those added at run time by their ids."""
        merged: dict[str, Endpoint | None] = dict(self.configured)
        merged.update(sorted(self.changed.items()))
        return tuple(each for each in merged.values() if each is not None)

    def put(self, endpoint: Endpoint) -> Catalogue:
        """With this endpoint added, or in the place of the one of its id."""
        if self.changed.get(endpoint.id) == endpoint:
            return self
        if endpoint.id not in self.changed and self.configured.get(endpoint.id) == endpoint:
            return self
        return replace(self, changed={**self.changed, endpoint.id: endpoint})

    def drain(self, id: str) -> Catalogue:
        """With this endpoint taking no new requests. Raises :class:`NotFound`."""
        return self.put(replace(self._known(id), draining=True))

    def remove(self, id: str) -> Catalogue:
        """Without this endpoint. Raises :class:`NotFound`."""
        self._known(id)
        changed = {key: each for key, each in self.changed.items() if key != id}
        if id in self.configured:
            changed[id] = None
        return replace(self, changed=changed)

    def apply(self, models: Sequence[Endpoint], node: str, policy: Policy | None = None) -> Catalogue:
        """With this list and policy, which the node's file says, as the configuration. A file without a policy leaves
        that of the others; one that had one before takes it back, and the defaults hold."""
        configured = {each.id: each for each in models}
        kept = {id: each for id, each in self.changed.items() if self.configured.get(id) == configured.get(id)}
        if policy is None:
            policy = Policy() if self.files.get(node, "").endswith(SPOKEN) else self.policy
            return Catalogue(configured, kept, self._said(node, digest(models)), policy)
        return Catalogue(configured, kept, self._said(node, digest(models, policy)), policy)

    def seed(self, models: Sequence[Endpoint], node: str, policy: Policy | None = None) -> Catalogue:
        """As :meth:`apply`, for a node that starts: its file counts when it says something that it did not say when
        the node was there last. A node that is new counts unless another one's file says the same. So a node that
        starts again with an old file does not undo what another one applied meanwhile."""
        mark, said = digest(models, policy), self.files.get(node)
        if said == mark:
            return self
        if said is None and mark in self.files.values():
            return replace(self, files=self._said(node, mark))
        return self.apply(models, node, policy)

    def _said(self, node: str, mark: str) -> dict[str, str]:
        others = [(each, said) for each, said in self.files.items() if each != node]
        return dict([*others[-(MOST_NODES - 1):], (node, mark)])

    def _known(self, id: str) -> Endpoint:
        found = self.changed[id] if id in self.changed else self.configured.get(id)
        if found is None:
            raise NotFound(f"There is no endpoint {id}. GET /mcp/models lists those there are.", param="id")
        return found


def digest(models: Sequence[Endpoint], policy: Policy | None = None) -> str:
    """Tells lists of models and policies apart, secrets too; too short to prove a guess at one of them."""
    each = [(repr(model), model.token) for model in models]
    if policy is None:
        return hashlib.sha256(repr(each).encode()).hexdigest()[:12]
    return hashlib.sha256(repr((each, policy)).encode()).hexdigest()[:12] + SPOKEN
