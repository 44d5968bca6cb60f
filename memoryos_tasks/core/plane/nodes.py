"""The nodes of the control plane: what each says of itself, and who is the scheduler."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from memoryos_tasks.core.errors import ConfigError

Role = Literal["scheduler", "follower", "isolated"]


@dataclass(frozen=True, slots=True)
class Term:
    """One node's time as the scheduler. ``token`` grows from each term to the next; the stores check it."""

    node: str
    token: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a registry follows the shared one: the revision that it has, when (seconds, UTC) it last knew that to be
    the newest, and how many milliseconds after the newest change was made it had it."""

    revision: int = 0
    at: float = 0.0
    delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class NodeNote:
    """What a node says of itself: the registry's revision that it has, when (seconds, UTC) it last knew that to be the
    newest, and how many milliseconds after the change was made it had it."""

    id: str
    address: str
    started_at: float
    synced_at: float
    revision: int
    delay_ms: int


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node as ``GET /mcp/nodes`` shows it.

    ``isolated``: it does not reach the shared store, and speaks for itself alone. ``last_sync``: seconds, UTC.
    ``lag_ms``: how late the node had the newest change; for one that does not have it yet, the age of that change.
    """

    id: str
    role: Role
    address: str
    started_at: float
    last_sync: float
    lag_ms: int
    revision: int


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest revision of the registry, and when (seconds, UTC) it was made; 0 when nothing was ever changed."""

    revision: int = 0
    at: float = 0.0


def status(note: NodeNote, *, scheduler: str | None, newest: Newest, now: float) -> NodeStatus:
    """What to show of a node that the store knows; ``scheduler`` is the id of the elected one."""
    late = note.revision < newest.revision
    lag = max(0, int((now - newest.at) * 1000)) if late else note.delay_ms
    role: Role = "scheduler" if note.id == scheduler else "follower"
    return NodeStatus(note.id, role, note.address, note.started_at, note.synced_at, lag, note.revision)


def isolated(note: NodeNote, *, now: float) -> NodeStatus:
    """What a node shows that does not reach the store: itself, as old as its last word from there."""
    lag = max(0, int((now - note.synced_at) * 1000))
    return NodeStatus(note.id, "isolated", note.address, note.started_at, note.synced_at, lag, note.revision)


@dataclass(frozen=True, slots=True)
class Pace:
    """The times of a node, in seconds.

    A node speaks every ``heartbeat``; one that is silent for ``lease`` is gone, and another may be the scheduler. The
    scheduler itself stops at two thirds of the lease, counted from when it last *asked* for renewal: its clock runs
    no later than the store's, so that there are never two.
    """

    heartbeat: float
    lease: float

    @property
    def step_down(self) -> float:
        return self.lease * 2 / 3

    @property
    def call(self) -> float:
        """Limit of one call to one member of the store: several fit between two renewals and the stepping down."""
        return min(1.0, self.lease / 5)


def pace(heartbeat_interval: float, election_timeout: float, *, whole_seconds: bool = False) -> Pace:
    """The pace of these settings (seconds). ``whole_seconds``: the store's leases are such, and two at the least.

    Raises :class:`ConfigError` when fewer than three heartbeats fit into the election timeout: one late word would
    unseat the scheduler.
    """
    if election_timeout < 3 * heartbeat_interval:
        raise ConfigError(
            f"sync.election_timeout: {election_timeout:g} s leaves no room for three heartbeats of "
            f"{heartbeat_interval:g} s. Give at least {3 * heartbeat_interval:g} s, or a shorter "
            "sync.heartbeat_interval.", param="sync.election_timeout",
        )
    lease = max(2.0, float(math.ceil(election_timeout))) if whole_seconds else election_timeout
    return Pace(heartbeat_interval, lease)


def scheduler_of(nodes: Sequence[NodeStatus]) -> str | None:
    """The id of the elected scheduler; None while there is none."""
    return next((node.id for node in nodes if node.role == "scheduler"), None)
