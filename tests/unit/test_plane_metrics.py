"""What the control plane shows to Prometheus and to operators."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from plane_house import FREE, House
from prometheus_client.parser import text_string_to_metric_families

from memoryos_app import create_app
from memoryos_app.plane.app import create_plane_app
from memoryos_app.plane.app_parts import PlaneParts, hold
from memoryos_app.plane.metrics import exposition
from memoryos_tasks.adapters.redis.backlog import Backlog
from memoryos_tasks.core.errors import RegistryDown, TrafficDown, TruthDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.anomalies import Anomaly, Sort, Subject
from memoryos_tasks.core.plane.config import Auth, Endpoint, PlaneConfig
from memoryos_tasks.core.plane.node_figures import NodeFigures
from memoryos_tasks.core.plane.records import OK, InferenceRecord, Pair, Tally, tallied
from memoryos_tasks.core.plane.scaling import Hint, Load, hint
from memoryos_tasks.ports.plane.scheduling import EndpointState, State

NOW = time.time()
A = InferenceRecord(NOW, Owner("acme", "alice"), "通义", "e1", 10, 4, 0.5, 0.25, OK)
E1 = Endpoint("e1", "通义")


class Seen:
    """What was observed."""

    def __init__(self) -> None:
        self.records = [A, replace(A, seconds=70.0), replace(A, endpoint="e2", outcome="upstream_error", last=False)]
        self.odd = [
            Anomaly(Subject(Sort.USER, "王小明", "acme"), NOW - 60, NOW, 700, 750, 15.04, 60.0),
            Anomaly(Subject(Sort.AUTH, "203.0.113.7"), NOW - 9000, NOW - 8000, 12, 30, 0.0, 9.0),
        ]
        self.down: type[Exception] | None = None

    def totals(self) -> Mapping[Pair, Tally]:
        if self.down:
            raise self.down
        return tallied(self.records)

    def anomalies(self) -> Sequence[Anomaly]:
        return self.odd

    def figures(self) -> Mapping[str, NodeFigures]:
        return {"n1": NodeFigures(2, 0.25, 1.5, 0.5, 1000), "w": NodeFigures(4)}

    def scaling(self, endpoints: Sequence[Endpoint]) -> Sequence[Hint]:
        return [hint(Load("chat", 1, 8, 2.0, 3.0)), *(hint(Load(f"{one.model} {one.id}", 1, 0)) for one in endpoints)]


def states(endpoints: Sequence[Endpoint]) -> Mapping[str, EndpointState]:
    return {one.id: EndpointState(State.OPEN, 3, 0.5, trips=2, panic=True) for one in endpoints}


def samples(text: bytes) -> dict[str, float]:
    """Each sample by its name and labels, in the order of the alphabet."""
    return {
        sample.name + "".join(f" {label}={value}" for label, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


SHOWN = {
    "memoryos_plane_requests_total model=通义 outcome=ok": 2,
    "memoryos_plane_tries_total endpoint=e1 model=通义 outcome=ok": 2,
    "memoryos_plane_tries_total endpoint=e2 model=通义 outcome=upstream_error": 1,
    "memoryos_plane_inference_seconds_count endpoint=e1 model=通义": 2,
    "memoryos_plane_inference_seconds_sum endpoint=e1 model=通义": 70.5,
    "memoryos_plane_inference_seconds_bucket endpoint=e1 le=0.25 model=通义": 0,
    "memoryos_plane_inference_seconds_bucket endpoint=e1 le=0.5 model=通义": 1,
    "memoryos_plane_inference_seconds_bucket endpoint=e1 le=60.0 model=通义": 1,
    "memoryos_plane_inference_seconds_bucket endpoint=e1 le=120.0 model=通义": 2,
    "memoryos_plane_inference_seconds_bucket endpoint=e1 le=+Inf model=通义": 2,
    "memoryos_plane_queue_seconds_total model=通义": 0.5,
    "memoryos_plane_characters_total direction=in model=通义": 20,
    "memoryos_plane_characters_total direction=out model=通义": 8,
    "memoryos_plane_endpoint_in_flight endpoint=e1 model=通义": 3,
    "memoryos_plane_endpoint_weight endpoint=e1 model=通义": 0.5,
    "memoryos_plane_endpoint_ready endpoint=e1 model=通义": 0,
    "memoryos_plane_endpoint_trips endpoint=e1 model=通义": 2,
    "memoryos_plane_endpoint_breaker endpoint=e1 model=通义 state=open": 1,
    "memoryos_plane_endpoint_breaker endpoint=e1 model=通义 state=closed": 0,
    "memoryos_plane_panic model=通义": 1,
    "memoryos_plane_anomalies sort=user_rate": 1,
    "memoryos_plane_anomalies sort=ip_rate": 0,
    "memoryos_plane_anomalies sort=auth_failures": 0,
    "memoryos_plane_node_cpu_share node=n1": 0.25,
    "memoryos_plane_node_load node=n1": 1.5,
    "memoryos_plane_node_cpus node=w": 4,
    "memoryos_plane_node_memory_share node=n1": 0.5,
    "memoryos_plane_node_process_memory_bytes node=n1": 1000,
    "memoryos_plane_pool_use pool=chat": 0.75,
    "memoryos_plane_pool_workers_wanted pool=chat": 2,
}


def test_the_numbers_are_exported() -> None:
    shown = samples(exposition(Seen(), lambda: [E1], states))
    assert {name: shown.get(name) for name in SHOWN} == SHOWN
    # What is not known is not shown
    assert "memoryos_plane_node_cpu_share node=w" not in shown
    assert "memoryos_plane_pool_use pool=通义 e1" not in shown
    # And nobody is named: users are in the list for operators alone
    assert "王小明" not in str(shown)


@pytest.mark.parametrize("down", [TruthDown, TrafficDown])
def test_a_store_that_is_away_leaves_the_other_numbers(down: type[Exception]) -> None:
    seen = Seen()
    seen.down = down
    shown = samples(exposition(seen, lambda: [E1], states))
    assert not [name for name in shown if name.startswith("memoryos_plane_requests")]
    assert shown["memoryos_plane_endpoint_in_flight endpoint=e1 model=通义"] == 3


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.close()


@pytest.fixture
def client(house: House) -> FlaskClient:
    return create_plane_app(
        lambda: replace(house.parts(), observed=Seen()), lambda: house.stack.settings, parts=house.stack.parts
    ).test_client()


def test_a_plane_alone_shows_its_numbers_with_the_stacks(client: FlaskClient) -> None:
    shown = samples(client.get("/metrics").data)
    assert shown["memoryos_plane_requests_total model=通义 outcome=ok"] == 2
    assert shown["memoryos_queue_messages queue=chat"] == 3


def test_operators_see_who_asks_too_much(client: FlaskClient) -> None:
    said = client.get("/mcp/anomalies").get_json()["anomalies"]
    assert said[0] == {
        "sort": "user_rate", "tenant": "acme", "user": "王小明", "ip": None, "open": True, "count": 700, "peak": 750,
        "usual": 15.0, "most": 60.0, "first_at": NOW - 60, "last_at": NOW}
    assert (said[1]["ip"], said[1]["user"], said[1]["usual"], said[1]["open"]) == ("203.0.113.7", None, None, False)


def test_operators_see_what_to_scale(client: FlaskClient) -> None:
    said = client.get("/mcp/scaling").get_json()["scaling"]
    assert (said[0]["pool"], said[0]["advice"], said[0]["workers"]) == ("chat", "grow", 2)
    assert said[0]["why"].startswith("2.00 arrivals/s")


@pytest.mark.parametrize("path", ["/mcp/anomalies", "/mcp/scaling"])
def test_only_operators_see_them(house: House, path: str) -> None:
    house.config = PlaneConfig(limits=FREE, auth=Auth(allow_open=True))
    answer = house.app().test_client().get(path, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    assert answer.status_code == 403


def test_a_nodes_status_has_its_figures_and_the_queues(client: FlaskClient) -> None:
    said = client.get("/mcp/nodes").get_json()
    assert said["nodes"][0]["id"] == "n1"
    assert said["nodes"][0]["figures"] == {
        "cpus": 2, "cpu": 0.25, "load": 1.5, "memory": 0.5, "process_memory": 1000}
    assert said["workers"]["w"]["cpus"] == 4
    assert said["queues"] == {"chat": 3}
    # And so has the message
    told = client.post("/mcp/messages", json={"opcode": 6}).get_json()["payload"]
    assert told["nodes"] == said["nodes"]


def test_a_status_without_stores_is_one_of_the_nodes_alone(house: House) -> None:
    def away() -> Backlog:
        raise ConnectionError

    class Away(Seen):
        def figures(self) -> Mapping[str, NodeFigures]:
            raise TrafficDown

    app = create_plane_app(lambda: replace(house.parts(), observed=Away()), lambda: house.stack.settings,
                           parts=replace(house.stack.parts, backlog=away))
    said = app.test_client().get("/mcp/nodes").get_json()
    assert (said["nodes"][0]["figures"], said["workers"], said["queues"]) == (None, {}, {})


def test_a_gateway_with_a_plane_shows_the_planes_numbers_too(house: House) -> None:
    house.stack.backlog = Backlog(counters={"plane_anomalies user_rate": 2})
    app = create_app(parts=house.stack.parts)
    assert "memoryos_plane_requests" not in app.test_client().get("/metrics").text
    hold(app, lambda: replace(house.parts(), observed=Seen()))
    shown = samples(app.test_client().get("/metrics").data)
    assert shown["memoryos_plane_requests_total model=通义 outcome=ok"] == 2
    assert shown["memoryos_plane_anomalies_flagged_total sort=user_rate"] == 2


def test_a_plane_that_is_not_open_yet_hides_no_number_of_the_gateway(house: House) -> None:
    def closed() -> PlaneParts:
        raise RegistryDown

    app = create_app(parts=house.stack.parts)
    hold(app, closed)
    assert samples(app.test_client().get("/metrics").data)["memoryos_queue_messages queue=chat"] == 3
