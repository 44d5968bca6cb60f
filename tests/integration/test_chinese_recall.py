from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from plain_codec import PlainCodec

from memoryos_tasks.adapters.embedding.static import StaticEmbedder
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.core.events import Event, Owner
from memoryos_tasks.services.recall import Recall

#: One user a line: messages of several sessions, and questions with the ids of the messages that answer them.
DATA = Path(__file__).parent.parent / "data" / "chinese_recall.jsonl"


def moment(day: str) -> float:
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() + 12 * 3600


@pytest.fixture(scope="module")
def users() -> list[dict[str, Any]]:
    return [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def recall(users: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recall]:
    store = EdgeStore(tmp_path_factory.mktemp("chinese"), StaticEmbedder.dimensions)
    found = Recall(store, StaticEmbedder(), PlainCodec())
    for user in users:
        owner = Owner("acme", user["user"])
        found.index(
            [
                Event(owner, said["id"], said["role"], said["text"], moment(said["day"]) + seq, said["day"],
                      name=said.get("name"), seq=seq)
                for seq, said in enumerate(user["messages"], 1)
            ],
            {},
        )
    yield found
    store.close()


def test_the_set_is_large_enough(users: list[dict[str, Any]]) -> None:
    assert sum(len(user["messages"]) for user in users) >= 300
    assert sum(len(user["questions"]) for user in users) >= 60


def test_nine_of_ten_questions_find_their_evidence_in_three(users: list[dict[str, Any]], recall: Recall) -> None:
    shares = []
    for user in users:
        for asked in user["questions"]:
            found = recall.search(
                Owner("acme", user["user"]), asked["question"], limit=3, now=moment(user["asked_at"])
            )
            sources = {source for item in found for source in item.sources}
            shares.append(len(sources & set(asked["evidence"])) / len(asked["evidence"]))
    assert fmean(shares) >= 0.9
