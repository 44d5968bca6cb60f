"""The registry: which model endpoints there are and by which policy they are used, the same for all who open it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.core.plane.nodes import Progress, Term
from memoryos_tasks.core.plane.policy import Policy

#: Called with all endpoints after a change, in a thread of the registry; what it raises is logged.
Listener = Callable[[Sequence[Endpoint]], None]


class Registry(Protocol):
    """Reads come from memory and never fail; a change returns when it is kept and seen by this registry.

    Changes raise :class:`RegistryDown` when the shared store cannot be reached, and :class:`LostClaim`, without
    effect, when they carry a ``term`` that is over.
    """

    def endpoints(self) -> Sequence[Endpoint]:
        """All endpoints, those that drain among them."""

    def policy(self) -> Policy | None:
        """What holds for the plane as a whole; None until a node's file has said it."""

    def revision(self) -> int:
        """Grows with every change; the same for all that see the same."""

    def put(self, endpoint: Endpoint, *, term: Term | None = None) -> None:
        """Add an endpoint, or put it in the place of the one of its id."""

    def drain(self, id: str, *, term: Term | None = None) -> None:
        """Give the endpoint no new requests. Raises :class:`NotFound`."""

    def remove(self, id: str, *, term: Term | None = None) -> None:
        """Forget the endpoint. Raises :class:`NotFound`."""

    def apply(
        self, models: Sequence[Endpoint], policy: Policy | None = None, *, term: Term | None = None
    ) -> None:
        """Make this list the configuration, as a whole, and this the policy; see :meth:`Catalogue.apply` for a file
        without one. What was changed at run time stays, except for endpoints on which the list says something new."""

    def seed(self, models: Sequence[Endpoint], policy: Policy | None = None) -> None:
        """As :meth:`apply`, for a node that starts: its file counts when it says something else than when the node was
        there last, or, for a new node, than the files of the others. An old file undoes nothing."""

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call the listener after every change, whoever made it. Returns what ends that."""

    def progress(self) -> Progress:
        """How far this registry follows the shared one."""

    def start(self) -> None:
        """Take over what is there and follow it. Starts threads: call it after a fork. Raises :class:`RegistryDown`
        when the store cannot be reached; it follows nevertheless, and may be started again."""

    def close(self) -> None:
        """Follow no longer."""
