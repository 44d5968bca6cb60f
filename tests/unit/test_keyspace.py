from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from memoryos_tasks.adapters.redis import keyspace
from memoryos_tasks.core.events import Owner

#: Names that would meet if they were only joined.
NAMES = ["a", "b", "a:b", "b:a", "a b", "a%3Ab", "a%20b", "%", ":", " ", "甲", "甲:乙", "a/b", "*", "a\nb", "default"]
OWNERS = [Owner(tenant, user) for tenant in ("acme", "acme-b", "a") for user in NAMES]


@pytest.mark.parametrize("key", [keyspace.events, keyspace.state, keyspace.sessions, keyspace.lock, keyspace.fence,
                                 keyspace.visits, keyspace.keepsakes, keyspace.keepsake_ages])
def test_no_two_owners_share_a_key(key: Callable[[Owner], str]) -> None:
    keys = {key(owner) for owner in OWNERS}
    assert len(keys) == len(OWNERS)


@pytest.mark.parametrize("name", [keyspace.stm, keyspace.active_member, keyspace.plane_session])
def test_no_two_sessions_of_anybody_share_a_name(name: Callable[[Owner, str], str]) -> None:
    places = list(itertools.product(OWNERS, NAMES))
    assert len({name(owner, session) for owner, session in places}) == len(places)


def test_no_two_kinds_of_keys_of_one_owner_meet() -> None:
    owner = Owner("acme", "alice")
    keys = [
        keyspace.sequence("acme"), keyspace.claims("acme"), keyspace.events(owner), keyspace.state(owner),
        keyspace.stm(owner, "s"), keyspace.sessions(owner), keyspace.job("acme", "alice"), keyspace.lock(owner),
        keyspace.fence(owner), keyspace.run("acme", "alice"), keyspace.cancelled("acme", "alice"),
        keyspace.asked("acme", "alice"), keyspace.visits(owner), keyspace.keepsakes(owner),
        keyspace.keepsake_ages(owner),
    ]
    assert len(set(keys)) == len(keys)
    assert all(key.startswith("mos:acme:") for key in keys)


def test_a_member_tells_its_owner_and_session_again() -> None:
    for owner, session in itertools.product(OWNERS, NAMES):
        assert keyspace.parse_active(keyspace.active_member(owner, session)) == (owner, session)


@pytest.mark.parametrize("name", [":", "a:b", "", "A", "_system", "-", "a" * 64, "a b", "甲", "a\n"])
def test_a_tenant_cannot_leave_its_place_in_a_key(name: str) -> None:
    assert not keyspace.TENANT.fullmatch(name)


@pytest.mark.parametrize("name", ["a", "default", "a-b_c", "0", "a" * 63])
def test_tenants_have_plain_names(name: str) -> None:
    assert keyspace.TENANT.fullmatch(name)


def test_the_systems_own_keys_belong_to_no_tenant() -> None:
    assert not keyspace.TENANT.fullmatch(keyspace.SYSTEM)
