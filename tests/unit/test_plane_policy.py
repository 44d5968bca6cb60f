"""What of the configuration holds for all nodes, and what stays a node's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from plain_codec import PlainCodec
from waiting import until

from memoryos_tasks.adapters.plane.document import Documents
from memoryos_tasks.adapters.plane.files import without_file
from memoryos_tasks.adapters.plane.reload import LivePlane
from memoryos_tasks.core.errors import RegistryDown
from memoryos_tasks.core.plane.catalogue import Catalogue
from memoryos_tasks.core.plane.config import Auth, Breaker, Limits, Mcp, PlaneConfig, Scheduling, Server, Sessions
from memoryos_tasks.core.plane.config_rows import policy_row, shared_policy
from memoryos_tasks.core.plane.policy import Policy, policy_of, under

STRICT = Policy(
    Limits(rps=7.0, user_rate=1.0), Scheduling(stickiness=False), Breaker(failures=2), Sessions(exchanges=3), 9.0)


def test_the_policy_of_the_plane_takes_the_place_of_the_nodes_own() -> None:
    own = PlaneConfig(server=Server(port=9000), auth=Auth(enabled=True, api_key="k"), mcp=Mcp(enabled=False))
    seen = under(own, STRICT)
    assert policy_of(seen) == STRICT
    # And what is a node's own stays
    assert (seen.server, seen.auth, seen.mcp.enabled) == (own.server, own.auth, False)
    assert under(own, None) is own


@pytest.mark.parametrize("policy", [Policy(), STRICT])
def test_it_survives_its_document(policy: Policy) -> None:
    documents = Documents(PlainCodec(), {})
    catalogue = Catalogue().apply([], "one", policy)
    assert documents.read(documents.write(catalogue, 1.0))[0] == catalogue


def test_a_table_of_another_version_is_read() -> None:
    row = policy_row(STRICT)
    row["limits"]["per_model"] = 3
    row["quota"] = {"a": 1}
    del row["breaker"], row["timeout"], row["sessions"]["exchanges"]
    read = shared_policy(row)
    assert read.limits == STRICT.limits
    assert (read.breaker, read.timeout, read.sessions) == (Breaker(), Policy().timeout, Sessions())


def test_a_file_without_any_of_its_keys_says_nothing_for_all(tmp_path: Path) -> None:
    file = tmp_path / "mcp_config.yaml"
    file.write_text("server: {port: 9000}\nmcp: {enabled: true}\n")
    assert LivePlane({"MEMORYOS_MCP__LIMITS__RPS": "2"}, file).loaded.policy is None


def test_a_worker_without_a_file_has_its_environment() -> None:
    loaded = without_file({"MEMORYOS_MCP__BREAKER__FAILURES": "2", "MEMORYOS_MCP_CONFIG": ""})
    assert loaded.config.breaker.failures == 2
    seen = loaded.under(STRICT)
    assert (seen.breaker.failures, seen.limits.rps, seen.mcp.timeout) == (2, 7.0, 9.0)


def test_what_the_environment_of_a_node_sets_stays(tmp_path: Path) -> None:
    # Given a node whose file and environment set limits
    file = tmp_path / "mcp_config.yaml"
    file.write_text("limits: {rps: 50, user_rate: 3}\nmcp: {timeout: 20s}\n")
    live = LivePlane({"MEMORYOS_MCP__LIMITS__RPS": "2", "MEMORYOS_MCP__BREAKER__FAILURES": "4"}, file)
    # When the plane has a policy
    seen = live.under(STRICT)
    # Then it holds against the file and not against the environment
    assert (seen.limits.rps, seen.limits.user_rate, seen.mcp.timeout) == (2.0, 1.0, 9.0)
    assert (seen.breaker.failures, seen.breaker.share) == (4, STRICT.breaker.share)
    # And what it says for all is what its file says
    assert live.loaded.policy == Policy(limits=Limits(rps=50.0, user_rate=3.0), timeout=20.0)
    # And it is put together once
    assert live.under(STRICT) is seen
    assert live.under(None).limits.user_rate == 3.0


def test_who_could_not_be_told_is_owed_it_until_it_succeeds(tmp_path: Path) -> None:
    # Given a registry that is away
    file = tmp_path / "mcp_config.yaml"
    file.write_text("limits: {rps: 50}\n")
    live = LivePlane({}, file)
    away, told = [True], []

    def share(_old: PlaneConfig, new: PlaneConfig) -> None:
        if away[0]:
            raise RegistryDown("away")
        told.append(new.limits.rps)

    live.on_change(share)
    live.watch()
    try:
        # When the file changes, Then it is valid, and that is said to be owed
        file.write_text("limits: {rps: 70}\n")
        assert live.push() == ""
        assert live.owed
        # And it is told when the registry is back
        away[0] = False
        until(lambda: told == [70.0] and not live.owed, seconds=5, what="it is told")
    finally:
        live.stop()
