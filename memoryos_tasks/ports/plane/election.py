"""The nodes of the plane, one of which is the scheduler at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from memoryos_tasks.core.plane.nodes import NodeNote, NodeStatus, Term


class Nodes(Protocol):
    """This node among the others."""

    def nodes(self) -> Sequence[NodeStatus]:
        """All nodes that live, by id. Without the shared store: this node alone, as ``isolated``."""

    def term(self) -> Term | None:
        """This node's term while it is the scheduler; None from two thirds of the lease without renewal on."""

    def start(self) -> None:
        """Join, and stay joined. Starts a thread: call it after a fork."""

    def close(self) -> None:
        """Leave; another node may be the scheduler at once."""


class Seat(Protocol):
    """A node's place in the shared store. Raises :class:`RegistryDown` when that cannot be reached."""

    def beat(self, note: NodeNote) -> int:
        """Say that the node lives, for one lease from now. The token of its term when it is the scheduler, which it
        becomes when nobody is; else 0."""

    def look(self) -> Sequence[NodeStatus]:
        """All nodes that live, by id."""

    def leave(self) -> None:
        """Give the place back."""
