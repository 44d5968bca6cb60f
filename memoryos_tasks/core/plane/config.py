"""The configuration of the control plane, ``mcp_config.yaml``, as values. Times are in seconds.

Each field carries a :class:`memoryos_tasks.core.plane.config_knob.Knob`; ``config_parse`` reads and checks them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from memoryos_tasks.core.models import OFFLINE, PROVIDERS
from memoryos_tasks.core.plane.config_knob import Kind, knob


@dataclass(frozen=True, slots=True)
class Server:
    """Where the plane answers when it runs alone; inside the gateway, the gateway's own address holds."""

    host: str = knob("127.0.0.1", "Address to listen on.", nonempty=True, restart=True)
    port: int = knob(8090, "Port to listen on.", low=1, high=65535, restart=True)
    context_path: str = knob("", "What stands before every path of the plane, like /plane.", restart=True)
    max_connections: int = knob(
        1000, "Connections of one process; more wait in the kernel's backlog.", low=1, high=100000, restart=True)
    worker_threads: int = knob(
        100, "Requests that one process serves at a time.", low=1, high=4096, restart=True)


@dataclass(frozen=True, slots=True)
class Auth:
    """Who may call the plane."""

    enabled: bool = knob(False, "Whether calls need the API key.")
    api_key: str = knob("", "The key, as 'Authorization: Bearer' or 'X-API-Key'.", secret=True)
    allow_open: bool = knob(
        False, "With enabled: false, answer callers from other machines too. Anyone there uses the models.")


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests per second; 0 is no limit. Buckets fill at the rate and hold a burst."""

    rps: float = knob(100.0, "All callers together, on /inference and /mcp/*.", low=0, high=1e6)
    user_rate: float = knob(20.0, "One user.", low=0, high=1e6)
    user_burst: float = knob(40.0, "What one user may ask at once.", low=1, high=1e6)
    ip_rate: float = knob(50.0, "One address.", low=0, high=1e6)
    ip_burst: float = knob(100.0, "What one address may ask at once.", low=1, high=1e6)


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint is probed: a TCP connect, or with a path a GET that is well below 500."""

    path: str = knob("", "Path to GET at the endpoint's host; empty: a TCP connect.")
    initial_delay: float = knob(
        0.0, "From the endpoint's addition to its first probe.", Kind.DURATION, low=0, high=3600,
        also=("initial_delay_seconds",))
    period: float = knob(
        2.0, "From one probe to the next.", Kind.DURATION, low=0.1, high=3600, also=("period_seconds", "interval"))
    failure_threshold: int = knob(3, "Failed probes in a row after which it is unready.", low=1, high=100)
    timeout: float = knob(
        1.0, "Limit of one probe.", Kind.DURATION, low=0.05, high=60, also=("timeout_seconds",))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One reachable instance of a model. Several of one ``model`` are its instances; ``id`` tells them apart.

    ``token`` is the secret itself, already taken out of the environment; ``token_from`` is the ``env:NAME`` it came
    from, if it did. ``draining``: takes no new requests.
    """

    id: str
    model: str
    provider: str = "glm"
    url: str = ""
    token: str = field(default="", repr=False)
    weight: float = 1.0
    tier: int = 2
    timeout: float = 30.0
    max_retries: int = 3
    max_concurrency: int = 0
    batch_size: int = 4
    health: Health = field(default_factory=Health)
    draining: bool = False
    token_from: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of ``models``, as it is written; :func:`endpoint` makes an :class:`Endpoint` of it."""

    name: str = knob("", "The model's name, as callers ask for it.", required=True, nonempty=True)
    endpoint: str = knob("", "Its URL.", Kind.URL, required=True, nonempty=True, also=("url",))
    token: str = knob("", "Its secret, best as env:NAME.", secret=True)
    provider: str = knob(
        "glm", "How it is spoken to.", choices=tuple(name for name in PROVIDERS if name != OFFLINE))
    weight: float = knob(1.0, "Its share of the load beside its model's other instances.", low=0.01, high=1000)
    tier: int = knob(2, "How capable it is, for the router: 1 small, 2 middle, 3 large.", low=1, high=3)
    timeout: float = knob(30.0, "Limit of one call to it.", Kind.DURATION, low=0.1, high=3600)
    max_retries: int = knob(3, "Further tries, on other endpoints, when it fails.", low=0, high=10)
    max_concurrency: int = knob(0, "Calls to it at a time; 0 is no limit.", low=0, high=100000)
    batch_size: int = knob(4, "Prompts in one call, where it takes lists (glm); 1: never.", low=1, high=256)
    health: Health = field(default_factory=Health)


@dataclass(frozen=True, slots=True)
class Sync:
    """How nodes share endpoints and configuration."""

    mode: str = knob(
        "redis", "local: this node's file alone; redis: the broker's Redis; raft: etcd.",
        choices=("local", "redis", "raft"), restart=True, also=("sync_mode",))
    etcd: tuple[str, ...] = knob(
        (), "Members of the etcd cluster, like 127.0.0.1:2379.", Kind.LIST, restart=True,
        also=("etcd_endpoints", "endpoints"))
    prefix: str = knob("/memoryos/plane", "Where the plane's keys are in etcd.", nonempty=True, restart=True)
    heartbeat_interval: float = knob(
        0.5, "How often a node says that it lives.", Kind.DURATION, low=0.05, high=60, restart=True)
    election_timeout: float = knob(
        2.0, "A scheduler silent for this long is replaced.", Kind.DURATION, low=0.2, high=300, restart=True)
    replication_workers: int = knob(
        2, "Threads that carry changes to this node's memory.", low=1, high=64, restart=True)
    node_id: str = knob("", "This node's name; unset: host name and port.", restart=True)


@dataclass(frozen=True, slots=True)
class Reload:
    """How a changed file is noticed."""

    mode: str = knob(
        "hybrid", "watch: the kernel tells; poll: looked at now and then; push: when told to (POST /mcp/reload, "
        "SIGHUP); hybrid: all of them.", choices=("watch", "poll", "push", "hybrid"), restart=True)
    poll_seconds: float = knob(
        2.0, "How often poll and hybrid look.", Kind.DURATION, low=0.1, high=5, restart=True, also=("poll", "interval"))


@dataclass(frozen=True, slots=True)
class Scheduling:
    """How requests are spread over the endpoints of a model."""

    stickiness: bool = knob(
        True, "Keep a session at one endpoint while that is ready and not overloaded.", also=("sticky",))
    sticky_seconds: float = knob(600.0, "How long such a pin lasts unused.", Kind.DURATION, low=1, high=86400)
    slow_start: float = knob(
        30.0, "A new or recovered endpoint reaches its weight in this time, from 10 %.", Kind.DURATION, low=0, high=600)
    batch_wait: float = knob(
        0.005, "How long a request waits for others to make one call of.", Kind.DURATION, low=0, high=1)


@dataclass(frozen=True, slots=True)
class Breaker:
    """When an endpoint is isolated, and for how long."""

    failures: int = knob(5, "Failures in a row.", low=1, high=1000)
    share: float = knob(0.5, "Or this share of the calls of the window failed.", low=0.01, high=1)
    min_calls: int = knob(20, "Calls in the window before a share counts.", low=1, high=100000)
    window: float = knob(60.0, "The window of both shares.", Kind.DURATION, low=1, high=3600)
    slow_seconds: float = knob(
        10.0, "A call that takes longer is slow; 0: none is.", Kind.DURATION, low=0, high=3600, also=("slow_call",))
    slow_share: float = knob(0.8, "Or this share of the calls of the window were slow.", low=0.01, high=1)
    open_seconds: float = knob(
        30.0, "How long it stays isolated, times the trips in a row.", Kind.DURATION, low=0.1, high=3600)
    max_open_seconds: float = knob(300.0, "And at most.", Kind.DURATION, low=0.1, high=86400)
    permits: int = knob(1, "Calls that may try it at a time after that.", low=1, high=3)
    successes: int = knob(2, "Successes that bring it back.", low=1, high=100)


@dataclass(frozen=True, slots=True)
class Sessions:
    """What a session keeps of its context across messages and nodes."""

    lifetime: float = knob(3600.0, "How long it is kept unused.", Kind.DURATION, low=1, high=2592000)
    exchanges: int = knob(20, "The newest questions and answers that are kept.", low=1, high=200)
    characters: int = knob(32000, "And their characters at most.", low=100, high=10_000_000)


@dataclass(frozen=True, slots=True)
class Logging:
    """Where the plane's own log goes when it runs alone."""

    level: str = knob(
        "info", "The least severe level that is written.", choices=("debug", "info", "warning", "error", "critical"))
    file: str = knob("", "A file to write to; unset: standard error.", restart=True)


@dataclass(frozen=True, slots=True)
class Service:
    """What this node is called."""

    name: str = knob("memoryos-plane", "The name of its process, as the system lists it.", nonempty=True, restart=True)
    port: int = knob(0, "The port, when server.port is not set; 0: unset.", low=0, high=65535, restart=True)
    registry: str = knob(
        "", "Where nodes register: local, redis, or http://host:2379 for etcd; read when sync.mode is not set.",
        restart=True)


@dataclass(frozen=True, slots=True)
class Mcp:
    """The plane as a whole."""

    enabled: bool = knob(True, "Whether this file turns the plane on.", restart=True)
    timeout: float = knob(
        60.0, "The whole time of an inference, tries and waits included.", Kind.DURATION, low=0.1, high=3600)


@dataclass(frozen=True, slots=True)
class PlaneConfig:
    """Everything of ``mcp_config.yaml``."""

    server: Server = field(default_factory=Server)
    models: tuple[Endpoint, ...] = ()
    auth: Auth = field(default_factory=Auth)
    limits: Limits = field(default_factory=Limits)
    sync: Sync = field(default_factory=Sync)
    reload: Reload = field(default_factory=Reload)
    scheduling: Scheduling = field(default_factory=Scheduling)
    breaker: Breaker = field(default_factory=Breaker)
    sessions: Sessions = field(default_factory=Sessions)
    logging: Logging = field(default_factory=Logging)
    service: Service = field(default_factory=Service)
    mcp: Mcp = field(default_factory=Mcp)


def endpoint_id(model: str, url: str, provider: str) -> str:
    """The stable id of an endpoint: 16 hexadecimal digits of what it is, whatever else about it changes."""
    return hashlib.sha256("\n".join((model, url, provider)).encode()).hexdigest()[:16]


def endpoint(model: Model, *, draining: bool = False) -> Endpoint:
    """The endpoint that an entry of ``models`` describes."""
    made = endpoint_id(model.name, model.endpoint, model.provider)
    return Endpoint(
        made, model.name, model.provider, model.endpoint, model.token, model.weight, model.tier, model.timeout,
        model.max_retries, model.max_concurrency, model.batch_size, model.health, draining)


def model_names(endpoints: Sequence[Endpoint]) -> list[str]:
    """The models that the endpoints offer, each once, in order."""
    return list(dict.fromkeys(each.model for each in endpoints))
