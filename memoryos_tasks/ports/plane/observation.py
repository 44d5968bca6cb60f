"""What operators see of the control plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from memoryos_tasks.core.plane.anomalies import Anomaly
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.core.plane.node_figures import NodeFigures
from memoryos_tasks.core.plane.records import Pair, Tally
from memoryos_tasks.core.plane.scaling import Hint


class Observed(Protocol):
    """Raises :class:`TruthDown` and :class:`TrafficDown`."""

    def totals(self) -> Mapping[Pair, Tally]:
        """All inferences that were recorded, by model and endpoint."""

    def anomalies(self) -> Sequence[Anomaly]:
        """What is and was odd about the requests, newest first."""

    def figures(self) -> Mapping[str, NodeFigures]:
        """How busy each node and worker is, by name."""

    def scaling(self, endpoints: Sequence[Endpoint]) -> Sequence[Hint]:
        """What to do with each pool and endpoint."""


class Unobserved:
    """Nothing was recorded. See :class:`Observed`."""

    def totals(self) -> Mapping[Pair, Tally]:
        """None."""
        return {}

    def anomalies(self) -> Sequence[Anomaly]:
        """None."""
        return ()

    def figures(self) -> Mapping[str, NodeFigures]:
        """None."""
        return {}

    def scaling(self, endpoints: Sequence[Endpoint]) -> Sequence[Hint]:
        """None."""
        return ()
