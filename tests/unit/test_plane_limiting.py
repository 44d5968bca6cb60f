"""Who is limited, how often they may call, and what they are told: at the plane and at the gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeKey, FakeStack, completion
from flask import Request
from flask.testing import FlaskClient
from plane_house import FREE, House
from werkzeug.test import EnvironBuilder

from memoryos_app import create_app
from memoryos_app.plane.limiting import client_address
from memoryos_tasks.adapters.config.toml import read
from memoryos_tasks.adapters.plane.buckets import LocalBuckets
from memoryos_tasks.core import settings as options
from memoryos_tasks.core.errors import ConfigError
from memoryos_tasks.core.plane.config import Auth, PlaneConfig
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.core.settings_limits import Limits
from memoryos_tasks.ports.plane.limits import Bound, Verdict
from memoryos_tasks.ports.runs import Saying

TIGHT = replace(FREE, user_rate=0.5, user_burst=2, ip_rate=0.5, ip_burst=4)


class Noted(LocalBuckets):
    """Buckets whose time stands still, that tell which bounds they were asked for."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.asked: list[list[str]] = []

    def take(self, bounds: Sequence[Bound]) -> Verdict | None:
        self.asked.append([bound.name for bound in bounds])
        return super().take(bounds)


class LimitedStack(FakeStack):
    """A stack whose limiter is :class:`Noted`."""

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self.limiter = Noted()

    @property
    def parts(self) -> Any:
        return replace(super().parts, limiter=self.limiter)


@pytest.fixture
def house() -> Iterator[House]:
    made = House(PlaneConfig(limits=TIGHT))
    stack = LimitedStack()
    stack.doorbell.answer = made.stack.doorbell.answer
    made.stack.close()
    made.stack = stack
    yield made
    made.close()


def ask(client: FlaskClient, *, user: str | None = None, header: str | None = None, ip: str = "127.0.0.1") -> Any:
    body = {"prompt": "x", **({"user": user} if user else {})}
    headers = {"X-MemoryOS-User": header} if header else {}
    return client.post("/inference", json=body, headers=headers, environ_base={"REMOTE_ADDR": ip})


def test_a_user_has_a_bucket_and_is_told_how_it_stands(house: House) -> None:
    client = house.app().test_client()
    # Given one who has two requests at once, and half of one a second after that
    told = [ask(client, user="李雷") for _ in range(3)]
    assert [answer.status_code for answer in told] == [200, 200, 429]
    names = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
    assert [[answer.headers[name] for name in names] for answer in told] == [
        ["2", "1", "2"], ["2", "0", "4"], ["2", "0", "4"]]  # fmt: skip
    assert told[2].headers["Retry-After"] == "2"
    assert told[2].json["error"]["code"] == "rate_limit_exceeded"
    assert told[2].json["error"]["type"] == "rate_limit_error"
    # Then the others are served, by name in the header as in the body
    assert ask(client, header="bob").status_code == 200
    assert "plane:user:default:bob" in house.stack.limiter.asked[-1]  # type: ignore[attr-defined]


def test_an_address_has_a_bucket_whoever_it_says_it_is(house: House) -> None:
    client = house.app().test_client()
    house.config = replace(house.config, auth=Auth(allow_open=True))
    assert [ask(client, user=f"u{n}", ip="192.0.2.1").status_code for n in range(6)] == [200] * 4 + [429] * 2
    assert ask(client, ip="192.0.2.2").status_code == 200
    # And of IPv6 a whole network is one
    assert [ask(client, ip=f"2001:db8::{n}").status_code for n in range(5)] == [200] * 4 + [429]
    assert ask(client, ip="2001:db8:0:1::1").status_code == 200


def test_all_calls_of_the_plane_count_and_probes_do_not(house: House) -> None:
    client = house.app().test_client()
    house.config = replace(house.config, limits=replace(FREE, rps=2))
    for path in ("/mcp/models", "/mcp/endpoints"):
        assert client.get(path).status_code == 200
    assert client.get("/mcp/nodes").status_code == 429
    assert client.post("/mcp/messages", json={"opcode": 1}).status_code == 429
    assert client.get("/mcp/health").status_code == 200
    # A limit that was raised holds at once
    house.config = replace(house.config, limits=FREE)
    assert client.get("/mcp/nodes").status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"prompt": 1}'])
def test_a_body_that_is_wrong_counts(house: House, body: bytes) -> None:
    client = house.app().test_client()
    for status in (400, 400, 400, 400, 429):
        answer = client.post("/inference", data=body, content_type="application/json")
        assert answer.status_code == status
    assert house.bodies == []


def test_guessing_a_key_is_limited_and_costs_nobody_else(house: House) -> None:
    house.config = PlaneConfig(limits=replace(TIGHT, rps=5), auth=Auth(enabled=True, api_key="right"))
    client = house.app().test_client()
    guesses = [client.get("/mcp/models", headers={"X-API-Key": f"{n}"}).status_code for n in range(8)]
    assert guesses == [401] * 4 + [429] * 4
    other = client.get("/mcp/models", headers={"X-API-Key": "right"}, environ_base={"REMOTE_ADDR": "192.0.2.9"})
    assert (other.status_code, other.headers["X-RateLimit-Remaining"]) == (200, "3")
    assert len(house.watcher.wrong) == 8


def test_a_name_that_is_none_fills_no_store(house: House) -> None:
    client = house.app().test_client()
    for name in ("x" * 257, "a\nb", 7, ["u"]):
        answer = client.post("/inference", json={"prompt": "x", "user": name})
        assert (answer.status_code, answer.json["error"]["param"]) == (400, "user")
    asked = house.stack.limiter.asked  # type: ignore[attr-defined]
    assert max(len(name) for names in asked for name in names) < 200


# Whose address


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        # Nobody is believed unless it is said
        ("192.0.2.1", "10.1.1.1", "", "192.0.2.1"),
        ("127.0.0.1", "10.1.1.1", "", "127.0.0.1"),
        ("192.0.2.1", "10.1.1.1", "10.0.0.0/8", "192.0.2.1"),
        # A proxy tells of who came to it; what that one says of itself is not believed
        ("10.0.0.1", "203.0.113.5", "10.0.0.0/8", "203.0.113.5"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.5", "10.0.0.0/8", "203.0.113.5"),
        ("10.0.0.1", "203.0.113.5, 10.0.0.2", "10.0.0.0/8", "203.0.113.5"),
        ("10.0.0.1", "203.0.113.5:1234", "10.0.0.1", "203.0.113.5"),
        ("::ffff:10.0.0.1", "[2001:db8::7]:99", "10.0.0.1", "2001:db8::7"),
        ("10.0.0.1", "6.6.6.6, nonsense", "10.0.0.0/8", "unknown"),
        ("10.0.0.1", "", "10.0.0.0/8", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.0/8", "10.0.0.3"),
        ("2001:db8::1", "203.0.113.5", "2001:db8::/32", "203.0.113.5"),
        # A Unix socket has no address
        ("", "203.0.113.5", "unix", "203.0.113.5"),
        ("", "203.0.113.5", "", "unix"),
    ],
)
def test_behind_a_proxy_it_is_who_came_to_the_proxy(peer: str, forwarded: str, trusted: str, address: str) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    environ = EnvironBuilder(headers=headers).get_environ()
    environ["REMOTE_ADDR"] = peer
    assert client_address(Request(environ), trusted) == address


def test_a_proxy_that_is_no_address_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigError, match=r"limits\.trusted_proxies: '10\.0\.0\.1/8' is no address or network"):
        read({"MEMORYOS__LIMITS__TRUSTED_PROXIES": "10.0.0.1/8, unix"})
    assert read({"MEMORYOS__LIMITS__TRUSTED_PROXIES": " 10.0.0.0/8,unix "}).limits.trusted_proxies


# The gateway


def gateway(limits: Limits, **more: Any) -> LimitedStack:
    stack = LimitedStack(Settings(limits=limits, **more))
    stack.doorbell.answer = lambda task, args, id: stack.say(id, (Saying.DONE, completion("x", id)))
    return stack


def chat(client: FlaskClient, user: str | None = None, **arguments: Any) -> Any:
    body = {"model": "offline", "messages": [{"role": "user", "content": "hi"}], **({"user": user} if user else {})}
    return client.post("/v1/chat/completions", json=body, **arguments)


def test_the_gateway_limits_nothing_unless_it_is_told_to() -> None:
    stack = gateway(Limits())
    try:
        answer = chat(create_app(parts=stack.parts).test_client(), "ann")
        assert answer.status_code == 200
        assert "X-RateLimit-Limit" not in answer.headers
        assert stack.limiter.asked == []
    finally:
        stack.close()


def test_the_gateway_limits_users_by_the_name_that_counts() -> None:
    stack = gateway(Limits(user_rate=0.5, user_burst=2))
    client = create_app(parts=stack.parts).test_client()
    try:
        assert [chat(client, "ann").status_code for _ in range(3)] == [200, 200, 429]
        # A field of another call names nobody here
        sly = {"model": "offline", "messages": [{"role": "user", "content": "hi"}], "user": "ann", "user_id": "bob"}
        assert client.post("/v1/chat/completions", json=sly).status_code == 429
        assert client.get("/v1/memory/profile?user_id=ann").status_code == 429
        assert client.post("/v1/memory/add", json={"user_id": "ann"}).status_code == 429
        assert client.post("/v1/memory/add", json={"user_id": "cat"}).status_code == 400
        assert chat(client, "bob").headers["X-RateLimit-Remaining"] == "1"
        # Who has no name has no bucket, and health and numbers none at all
        assert chat(client).status_code == 200
        assert "X-RateLimit-Limit" not in client.get("/metrics").headers
    finally:
        stack.close()


def test_users_of_two_tenants_share_no_bucket_and_a_key_speaks_for_its_user() -> None:
    stack = gateway(Limits(user_rate=0.5, user_burst=1), auth=options.Auth(required="on"))
    stack.keys = {"mos-a": FakeKey("1", "acme", "ann"), "mos-b": FakeKey("2", "beta"), "mos-c": FakeKey("3", "acme")}
    client = create_app(parts=stack.parts).test_client()
    try:
        keys = {name: {"headers": {"X-API-Key": name}} for name in stack.keys}
        assert chat(client, **keys["mos-a"]).status_code == 200
        assert chat(client, "ann", **keys["mos-b"]).status_code == 200
        assert chat(client, "ann", **keys["mos-c"]).status_code == 429
        assert chat(client, "other", **keys["mos-a"]).status_code == 429
        assert chat(client).status_code == 401
    finally:
        stack.close()
