from __future__ import annotations

import hashlib
import json

import pytest
import redis

from memoryos_tasks.adapters.redis.keys import KeyStore
from memoryos_tasks.adapters.redis.keyspace import API_KEYS
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


def test_an_admin_key_is_known_as_one_and_others_are_not(keys: KeyStore) -> None:
    (_, plain), (_, admin) = keys.create("acme"), keys.create("acme", admin=True)
    assert [(found.tenant, found.admin) for found in map(keys.find, (plain, admin)) if found] == [
        ("acme", False), ("acme", True)]
    assert [record.admin for record in keys.list()] == [False, True]


def test_an_admin_key_is_not_bound_to_a_user(keys: KeyStore) -> None:
    with pytest.raises(InvalidRequest) as caught:
        keys.create("acme", "alice", admin=True)
    assert caught.value.param == "user"
    assert keys.list() == []


def test_rows_of_older_and_newer_versions_are_read(keys: KeyStore, truth: redis.Redis) -> None:
    # Given one row as versions without the admin flag wrote it, and one with a field that is yet to come
    older = {"id": "key_1", "tenant": "acme", "user": None, "name": "", "created_at": 1.0}
    newer = {**older, "id": "key_2", "created_at": 2.0, "admin": True, "colour": "blue"}
    for secret, row in (("mos-old", older), ("mos-new", newer)):
        truth.hset(API_KEYS, hashlib.sha256(secret.encode()).hexdigest(), json.dumps(row))
    # Then both are found, and only the one that says so is an admin's
    assert [(record.id, record.admin) for record in keys.list()] == [("key_1", False), ("key_2", True)]
    # And a plain key is still written as the older version reads it
    _, secret = keys.create("acme")
    stored = json.loads(str(truth.hget(API_KEYS, hashlib.sha256(secret.encode()).hexdigest())))
    assert set(stored) == set(older)
