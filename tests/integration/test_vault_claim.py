"""A process whose keys are not those of the stored texts is refused before it stores anything."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from celery_processes import environment, worker
from waiting import until

from memoryos_app.stack.program import Role
from memoryos_tasks.adapters.redis import presence
from memoryos_tasks.adapters.redis.connections import Role as Errors
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.core.errors import ConfigError, TruthDown


def test_the_first_vault_is_the_one(truth: redis.Redis, tmp_path: Path) -> None:
    # Given a store of record whose texts are sealed with the keys of one vault
    ours, other = FileVault(tmp_path / "ours"), FileVault(tmp_path / "other")
    for _ in range(2):
        presence.claim_vault(truth, ours.identity, ours.path)
    # Then another process with it is welcome, and one with another vault is told what to do
    again = FileVault(tmp_path / "ours")
    presence.claim_vault(truth, again.identity, again.path)
    with pytest.raises(ConfigError, match=r"vault\.path: .*other.* backup"):
        presence.claim_vault(truth, other.identity, other.path)


def test_a_store_that_is_away_refuses_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "truth_errors", Errors(TruthDown).errors)
    with redis.Redis(port=1, socket_connect_timeout=0.5) as nowhere:
        presence.claim_vault(nowhere, "any", tmp_path)


def test_a_worker_with_another_vault_ends(truth: redis.Redis, redis_urls: dict[Role, str], tmp_path: Path) -> None:
    # Given the vault of the deployment, and a worker that was started with one of its own
    presence.claim_vault(truth, FileVault(tmp_path / "vault").identity, tmp_path / "vault")
    log = tmp_path / "log"
    env = environment(redis_urls, tmp_path, MEMORYOS__VAULT__PATH=str(tmp_path / "elsewhere"))
    with worker("stranger", env=env, log=log) as stranger:
        # Then it ends and says why
        until(lambda: not stranger.running, seconds=60, what="the worker ends")
        assert stranger.says("are not those of the texts in the store of record")
        assert not stranger.says("Traceback")
