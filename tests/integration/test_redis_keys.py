from __future__ import annotations

import pytest
import redis

from memoryos_tasks.adapters.redis.keys import KeyStore
from memoryos_tasks.core.errors import InvalidRequest


@pytest.fixture
def keys(truth: redis.Redis) -> KeyStore:
    return KeyStore(truth)


def test_a_key_is_found_by_its_secret_alone(keys: KeyStore) -> None:
    id, secret = keys.create("acme", "alice", "laptop")
    found = keys.find(secret)
    assert found is not None
    assert (found.id, found.tenant, found.user, found.name) == (id, "acme", "alice", "laptop")
    for wrong in ("", "mos-", secret[:-1], secret + "x", id):
        assert keys.find(wrong) is None


def test_the_secret_is_not_in_redis(keys: KeyStore, truth: redis.Redis) -> None:
    _, secret = keys.create("acme")
    stored = [f"{key} {truth.hgetall(key)}" for key in truth.scan_iter()]
    assert stored
    assert not any(secret in text or secret.removeprefix("mos-") in text for text in stored)
    assert secret.startswith("mos-")


def test_a_revoked_key_opens_nothing(keys: KeyStore) -> None:
    (first, secret), (second, other) = keys.create("acme"), keys.create("beta")
    assert [record.id for record in keys.list()] == [first, second]
    assert keys.revoke(first)
    assert keys.find(secret) is None
    assert not keys.revoke(first)
    assert keys.find(other) is not None
    assert [record.id for record in keys.list()] == [second]


@pytest.mark.parametrize("tenant", ["", "Acme", "a:b", "_system", "-a", "a" * 64, "a b", "租户", "a\n"])
def test_a_tenant_that_could_leave_its_place_in_keys_is_refused(keys: KeyStore, tenant: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        keys.create(tenant)
    assert caught.value.param == "tenant"
    assert keys.list() == []


@pytest.mark.parametrize("user", ["", "u" * 257, "a\nb"])
def test_a_user_that_is_none_is_refused(keys: KeyStore, user: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        keys.create("acme", user)
    assert caught.value.param == "user"
