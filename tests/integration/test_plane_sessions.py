"""The plane's sessions in a real Redis, sealed."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from contents import everything
from waiting import until

from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.plane.sessions import RedisSessions
from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.plane.sessions import Exchange, within
from memoryos_tasks.ports.codec import Codec

ANN = Owner("acme", "ann:李")


def exchange(number: int) -> Exchange:
    said = ({"role": "user", "content": f"SECRET question {number} 密"}, {"role": "assistant", "content": "答"})
    return Exchange(f"job_{number}", float(number), said)


@pytest.fixture
def nodes(truth: redis.Redis, codec: Codec) -> list[RedisSessions]:
    return [RedisSessions(truth, codec), RedisSessions(truth, codec)]


def keep(sessions: RedisSessions, number: int, session: str = "s", *, most: int = 5, lifetime: float = 60.0) -> None:
    sessions.keep(ANN, session, exchange(number), most=most, lifetime=lifetime)


def test_what_one_node_kept_the_other_reads_in_order_and_once_a_job(nodes: list[RedisSessions]) -> None:
    for number in range(4):
        keep(nodes[number % 2], number)
        keep(nodes[1], number)
    assert [list(one.read(ANN, "s")) for one in nodes] == [[exchange(number) for number in range(4)]] * 2
    # And it is nobody else's
    assert nodes[0].read(Owner("beta", ANN.user), "s") == nodes[0].read(ANN, "t") == []
    assert [node.close(ANN, "s") for node in nodes] == [True, False]
    assert nodes[1].read(ANN, "s") == []


def test_it_is_bounded_and_ends(nodes: list[RedisSessions], truth: redis.Redis) -> None:
    for number in range(9):
        keep(nodes[0], number, most=3)
    assert [one.job_id for one in nodes[1].read(ANN, "s")] == ["job_6", "job_7", "job_8"]
    assert 50_000 < truth.pttl(keyspace.plane_session(ANN, "s")) <= 60_000
    keep(nodes[0], 1, "short", lifetime=0.05)
    until(lambda: not nodes[0].read(ANN, "short"), seconds=5, what="it has ended")


def test_it_is_sealed_and_what_was_erased_is_gone(truth: redis.Redis, tmp_path: Path) -> None:
    vault = FileVault(tmp_path / "keys")
    sessions = RedisSessions(truth, SealedCodec(vault))
    keep(sessions, 1)
    assert "SECRET" not in str(everything(truth))
    # When the user's key is destroyed, Then nothing of it can be read, and the session goes on
    vault.retire(ANN)
    vault.destroy(ANN, vault.retired(ANN))
    assert sessions.read(ANN, "s") == []
    keep(sessions, 2)
    assert sessions.read(ANN, "s") == [exchange(2)]


def test_an_erasure_takes_all_sessions_of_its_user_and_no_other(nodes: list[RedisSessions]) -> None:
    for session in ("s", "t*", "甲:乙"):
        keep(nodes[0], 1, session)
    for other in (Owner("acme", "ann"), Owner("acme", ANN.user + "x"), Owner("acm", ANN.user)):
        nodes[0].keep(other, "s", exchange(1), most=5, lifetime=60)
    assert len(nodes[1].of(ANN)) == 3
    nodes[1].forget(ANN)
    assert nodes[0].of(ANN) == [] == nodes[0].read(ANN, "t*")
    assert len(nodes[0].of(Owner("acme", "ann"))) == len(nodes[0].of(Owner("acm", ANN.user))) == 1


def test_a_context_holds_whole_exchanges_within_its_bounds() -> None:
    held = [exchange(number) for number in range(5)]
    each = held[0].characters
    assert within(held, count=3, characters=10_000) == held[2:]
    assert within(held, count=9, characters=2 * each + 1) == held[3:]
    assert within(held, count=9, characters=each - 1) == []
