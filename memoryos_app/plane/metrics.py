"""The control plane's numbers for Prometheus, named and labelled as the gateway's own (:mod:`memoryos_app.numbers`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from memoryos_tasks.core.errors import Unavailable
from memoryos_tasks.core.plane.anomalies import Sort
from memoryos_tasks.core.plane.config import Endpoint
from memoryos_tasks.core.plane.records import BOUNDS, WHOLE, Tally
from memoryos_tasks.ports.plane.observation import Observed
from memoryos_tasks.ports.plane.scheduling import EndpointState, State

_PAIR = ("model", "endpoint")


States = Callable[[Sequence[Endpoint]], Mapping[str, EndpointState]]


def exposition(observed: Observed, endpoints: Callable[[], Sequence[Endpoint]], states: States) -> bytes:
    """The plane's part of the page for Prometheus; numbers whose store is away are left out."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Plane(observed, endpoints, states))
    return generate_latest(registry)


class _Plane:
    """The state of the plane, asked when somebody looks."""

    def __init__(self, observed: Observed, endpoints: Callable[[], Sequence[Endpoint]], states: States) -> None:
        self._observed = observed
        self._known = endpoints
        self._states = states

    def collect(self) -> Iterator[Any]:
        for part in (self._inferences, self._endpoints, self._anomalies, self._nodes, self._pools):
            try:
                yield from list(part())
            except Unavailable:
                continue  # The status gauge says which store is away; these numbers are not known.

    def _inferences(self) -> Iterator[Any]:
        totals = self._observed.totals()
        requests = CounterMetricFamily(
            "memoryos_plane_requests", "Inferences that ended.", labels=("model", "outcome"))
        tries = CounterMetricFamily(
            "memoryos_plane_tries", "Tries of inferences at an endpoint.", labels=(*_PAIR, "outcome"))
        seconds = HistogramMetricFamily(
            "memoryos_plane_inference_seconds", "Time of a try at its endpoint.", labels=_PAIR)
        queued = CounterMetricFamily(
            "memoryos_plane_queue_seconds", "Time that inferences waited before their last try.", labels=("model",))
        characters = CounterMetricFamily(
            "memoryos_plane_characters", "Length of what went in and came out.", labels=("model", "direction"))
        for (model, endpoint), tally in sorted(totals.items()):
            for outcome, count in sorted(tally.outcomes.items()):
                labels = [model, outcome] if endpoint == WHOLE else [model, endpoint, outcome]
                (requests if endpoint == WHOLE else tries).add_metric(labels, float(count))
            if endpoint == WHOLE:
                queued.add_metric([model], tally.queued)
                characters.add_metric([model, "in"], float(tally.input_length))
                characters.add_metric([model, "out"], float(tally.output_length))
            else:
                seconds.add_metric([model, endpoint], _buckets(tally), sum_value=tally.busy)
        yield from (requests, tries, seconds, queued, characters)

    def _endpoints(self) -> Iterator[Any]:
        known = self._known()
        states = self._states(known)
        shown: dict[str, tuple[str, Callable[[EndpointState], float]]] = {
            "memoryos_plane_endpoint_in_flight": ("Requests at an endpoint.", lambda state: state.in_flight),
            "memoryos_plane_endpoint_weight": (
                "Its weight in effect, less than configured in a slow start.", lambda state: state.weight),
            "memoryos_plane_endpoint_ready": ("1 while requests go there.", lambda state: state.ready),
            "memoryos_plane_endpoint_trips": ("How often in a row it was isolated.", lambda state: state.trips),
        }
        for name, (text, value) in shown.items():
            family = GaugeMetricFamily(name, text, labels=_PAIR)
            for each in known:
                if each.id in states:
                    family.add_metric([each.model, each.id], float(value(states[each.id])))
            yield family
        breaker = GaugeMetricFamily(
            "memoryos_plane_endpoint_breaker", "1 for the state of its breaker.", labels=(*_PAIR, "state"))
        panic = GaugeMetricFamily(
            "memoryos_plane_panic", "1 while most endpoints of a model are unready, so that all are asked.",
            labels=("model",))
        panicking: dict[str, bool] = {}
        for each in known:
            if (state := states.get(each.id)) is not None:
                for name in State:
                    breaker.add_metric([each.model, each.id, str(name.value)], float(state.breaker is name))
                panicking[each.model] = panicking.get(each.model, False) or state.panic
        for model, now in panicking.items():
            panic.add_metric([model], float(now))
        yield from (breaker, panic)

    def _anomalies(self) -> Iterator[Any]:
        now = time.time()
        kept = self._observed.anomalies()
        family = GaugeMetricFamily(
            "memoryos_plane_anomalies", "Users and addresses that ask far more than usual, or guess keys, now.",
            labels=("sort",))
        for sort in Sort:
            family.add_metric([sort.value], float(sum(each.subject.sort is sort and each.open(now) for each in kept)))
        yield family

    def _nodes(self) -> Iterator[Any]:
        told = self._observed.figures()
        shown = {
            "memoryos_plane_node_cpu_share": ("Share of the node's processors that is used.", "cpu"),
            "memoryos_plane_node_load": ("Programs that want a processor of the node (1 minute).", "load"),
            "memoryos_plane_node_cpus": ("Processors of the node.", "cpus"),
            "memoryos_plane_node_memory_share": ("Share of the node's memory that is used.", "memory"),
            "memoryos_plane_node_process_memory_bytes": ("Memory of the node's process.", "process_memory"),
        }
        for name, (text, field) in shown.items():
            family = GaugeMetricFamily(name, text, labels=("node",))
            for node, figures in told.items():
                value = getattr(figures, field)
                if value is not None:
                    family.add_metric([node], float(value))
            yield family

    def _pools(self) -> Iterator[Any]:
        use = GaugeMetricFamily(
            "memoryos_plane_pool_use", "Share of a pool's places that was busy in the last minutes.", labels=("pool",))
        wanted = GaugeMetricFamily(
            "memoryos_plane_pool_workers_wanted", "Workers that a pool should have; see the scaling hint.",
            labels=("pool",))
        for hint in self._observed.scaling(self._known()):
            if hint.use is not None:
                use.add_metric([hint.pool], hint.use)
            wanted.add_metric([hint.pool], float(hint.workers))
        yield from (use, wanted)


def _buckets(tally: Tally) -> list[tuple[str, float]]:
    """The cumulative counts that Prometheus wants."""
    rows, seen = [], 0
    for place, bound in enumerate((*map(str, map(float, BOUNDS)), "+Inf")):
        seen += tally.bounds.get(place, 0)
        rows.append((bound, float(seen)))
    return rows
