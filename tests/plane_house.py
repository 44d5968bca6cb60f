"""The plane's parts, all of them stand-ins, on top of the gateway's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from fakes import FakeStack, completion
from flask import Flask

from memoryos_app.plane.app import create_plane_app
from memoryos_app.plane.app_parts import PlaneParts
from memoryos_tasks.core.errors import NotFound
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.config import Endpoint, Limits, Model, PlaneConfig, endpoint
from memoryos_tasks.core.plane.nodes import NodeStatus, Progress, Term
from memoryos_tasks.core.plane.policy import Policy
from memoryos_tasks.core.plane.sessions import Exchange
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.plane.scheduling import EndpointState, State
from memoryos_tasks.ports.runs import Saying

#: No limit at all.
FREE = Limits(rps=0, user_rate=0, ip_rate=0)


class FakeRegistry:
    """Endpoints in a dict."""

    def __init__(self, *endpoints: Endpoint) -> None:
        self.rows = {one.id: one for one in endpoints}
        self._revision = 1
        self.shared: Policy | None = None

    def endpoints(self) -> Sequence[Endpoint]:
        return list(self.rows.values())

    def revision(self) -> int:
        return self._revision

    def put(self, endpoint: Endpoint, *, term: Term | None = None) -> None:
        self.rows[endpoint.id] = endpoint
        self._revision += 1

    def drain(self, id: str, *, term: Term | None = None) -> None:
        self.put(replace(self._get(id), draining=True))

    def remove(self, id: str, *, term: Term | None = None) -> None:
        self._get(id)
        del self.rows[id]

    def _get(self, id: str) -> Endpoint:
        if id not in self.rows:
            raise NotFound
        return self.rows[id]

    def policy(self) -> Policy | None:
        return self.shared

    def apply(
        self, models: Sequence[Endpoint], policy: Policy | None = None, *, term: Term | None = None
    ) -> None:
        self.rows = {one.id: one for one in models}
        self.shared = policy or self.shared

    def seed(self, models: Sequence[Endpoint], policy: Policy | None = None) -> None:
        self.apply(models, policy)

    def listen(self, listener: Callable[[Sequence[Endpoint]], None]) -> Callable[[], None]:
        return lambda: None

    def progress(self) -> Progress:
        return Progress()

    def start(self) -> None:
        """Nothing to follow."""

    def close(self) -> None:
        """Nothing to end."""


class FakeSessions:
    """Sessions in a dict; once for each job, as the port says."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Owner, str], list[Exchange]] = {}

    def read(self, owner: Owner, session: str) -> Sequence[Exchange]:
        return list(self.rows.get((owner, session), ()))

    def keep(self, owner: Owner, session: str, exchange: Exchange, *, most: int, lifetime: float) -> None:
        held = self.rows.setdefault((owner, session), [])
        if all(one.job_id != exchange.job_id for one in held):
            held.append(exchange)
            del held[:-most]

    def close(self, owner: Owner, session: str) -> bool:
        return self.rows.pop((owner, session), None) is not None


class FakeWatcher:
    """Notes who asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.wrong: list[str] = []

    def asked(self, owner: Owner, ip: str) -> None:
        self.seen.append((owner.user, ip))

    def refused(self, ip: str) -> None:
        self.wrong.append(ip)


def served(name: str, url: str = "http://127.0.0.1:9/generate") -> Endpoint:
    return endpoint(Model(name=name, endpoint=url, token="tok-secret"))


class House:
    """A plane alone, its worker scripted: it answers each inference with what ``answer`` makes of its body."""

    def __init__(self, config: PlaneConfig | None = None, settings: Settings | None = None) -> None:
        self.stack = FakeStack(settings)
        self.config = config or PlaneConfig(limits=FREE)
        self.registry = FakeRegistry(served("glm-9b"), served("glm-9b", "http://10.0.0.2:9/generate"), served("other"))
        self.sessions = FakeSessions()
        self.watcher = FakeWatcher()
        self.states = {id: EndpointState(State.CLOSED, weight=1.0) for id in self.registry.rows}
        self.refused = ""
        self.bodies: list[dict[str, object]] = []
        self.answer: Callable[[dict[str, object]], str] = lambda body: "ok"
        self.stack.doorbell.answer = self._work

    def parts(self) -> PlaneParts:
        return PlaneParts(
            lambda: self.config, self.registry, lambda: [NodeStatus("n1", "scheduler", "127.0.0.1:1", 1.0, 2.0, 3, 4)],
            lambda endpoints: {one.id: self.states[one.id] for one in endpoints if one.id in self.states},
            self.sessions, lambda: self.refused, self.watcher,
        )  # fmt: skip

    def app(self, prefix: str = "") -> Flask:
        return create_plane_app(self.parts, lambda: self.stack.settings, parts=self.stack.parts, prefix=prefix)

    def _work(self, task: str, args: tuple[str, ...], task_id: str) -> None:
        assert task == "plane.infer"
        body = dict(self.stack.ledger.get(args[0], task_id).request["body"])
        self.bodies.append(body)
        said = {**completion(self.answer(body), task_id), "model": body.get("model", "glm-9b"), "endpoint": "e1"}
        self.stack.say(task_id, (Saying.DONE, said))

    def close(self) -> None:
        self.stack.close()
