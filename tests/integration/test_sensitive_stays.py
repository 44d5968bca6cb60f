"""What is sensitive never leaves the house: not by a chat, nor later by analysis, embedding or another's prompt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from embedding_server import EmbeddingServer, serving
from fakes import make_event
from vendors.base import Vendor
from vendors.openai import OpenAIVendor

from memoryos_tasks.adapters.config.live import LiveSettings
from memoryos_tasks.bootstrap import House, build
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.ledger import Job

ALICE = Owner("acme", "alice")
#: What must not be seen out there, however it was said.
SECRETS = ("hunter2", "asthma", "4111 1111", "糖尿病")
SAID = [
    "My favourite colour is green and I drink green tea",
    "The wifi password is hunter2",
    "I was diagnosed with asthma in May",
    "My card is 4111 1111 1111 1111",
    "我确诊了糖尿病",
    "My cat is called Pixel",
]


@pytest.fixture
def cloud() -> Iterator[Vendor]:
    with OpenAIVendor() as vendor:
        yield vendor


@pytest.fixture
def embeddings() -> Iterator[EmbeddingServer]:
    with serving(32) as server:
        yield server


@pytest.fixture
def environ(redis_settings: Settings, tmp_path: Path, cloud: Vendor, embeddings: EmbeddingServer) -> dict[str, str]:
    return {
        "REDIS_URL": redis_settings.redis.truth_url,
        "CELERY_BROKER_URL": redis_settings.redis.traffic_url,
        "MEMORYOS_DATA_DIR": str(tmp_path),
        "MEMORYOS__LLM__OPENAI_BASE_URL": cloud.url,
        "MEMORYOS__MEMORY__ANALYST_MODEL": "openai/echo",
        "MEMORYOS__MEMORY__PROMOTE_HEAT": "0",
        "MEMORYOS__EMBEDDING__PROVIDER": "openai",
        "MEMORYOS__EMBEDDING__MODEL": "m",
        "MEMORYOS__EMBEDDING__DIMENSIONS": "32",
        "MEMORYOS__EMBEDDING__BASE_URL": embeddings.url,
    }


@pytest.fixture
def house(environ: dict[str, str]) -> Iterator[House]:
    made = build(LiveSettings(environ))
    assert made.shared is not None
    assert made.shared.try_own()
    yield made
    made.vectors.close()


def chat(house: House, text: str, model: str = "openai/echo", *, stream: bool = False) -> Job:
    job_id = f"job_{abs(hash((text, model, stream)))}"
    body = {"model": model, "messages": [{"role": "user", "content": text}]}
    request = {"body": body, "session": "s9", "assistant": "a", "memory": True, "stream": stream}
    house.ledger.create(Job(job_id, ALICE, "chat", request=request, inbox="gw", created_at=1.0))
    house.chats.run("acme", job_id)
    return house.ledger.get("acme", job_id)


def seen(cloud: Vendor, embeddings: EmbeddingServer) -> str:
    """Every body that went out."""
    return json.dumps([[each.body for each in cloud.seen], embeddings.asked], ensure_ascii=False)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", SAID[1:5])
def test_a_sensitive_chat_is_refused_and_never_sent(
    house: House, cloud: Vendor, embeddings: EmbeddingServer, text: str, stream: bool
) -> None:
    job = chat(house, text, stream=stream)
    assert job.error is not None
    assert (job.status.value, job.error["code"], job.error["status"]) == ("failed", "sensitive_content", 403)
    assert (cloud.seen, embeddings.asked) == ([], [])
    # While any other is answered
    assert chat(house, "Hello there", stream=stream).status.value == "succeeded"
    assert len(cloud.seen) == 1


def test_sensitive_memories_stay_through_indexing_consolidation_promotion_and_prompts(
    house: House, cloud: Vendor, embeddings: EmbeddingServer
) -> None:
    # Given a talk with sensitive messages, applied, consolidated and promoted
    house.journal.append(ALICE, [make_event(ALICE, f"e{at}", text, session="s1") for at, text in enumerate(SAID)])
    house.ingest.drain()
    house.consolidation.run(ALICE, "s1", keep=0)
    house.promotion.run(ALICE)
    house.compaction.run(ALICE)
    house.reindexing.run(lambda done, total: None)
    # When others are asked about it
    for question in ("Which tea do I drink?", "What about my health in May?", "What is my cat called?"):
        assert chat(house, question).status.value == "succeeded"
    found: Any = house.retrieval.retrieve(ALICE, {"query": "What is the wifi password?"})
    # Then nothing of it was seen out there, though all else was
    out = seen(cloud, embeddings)
    assert [secret for secret in SECRETS if secret in out] == []
    assert "green tea" in json.dumps(embeddings.asked)
    assert "green tea" in json.dumps([each.body for each in cloud.seen])
    # And at home it is found by its words
    assert "hunter2" in found["results"][0]["content"]


def test_a_model_in_house_takes_over_what_must_stay(environ: dict[str, str], cloud: Vendor) -> None:
    # Given a model in house beside the cloud
    with OpenAIVendor() as home:
        environ["MEMORYOS__ROUTER__LOCAL"] = f"openai_compatible/echo@{home.url}"
        environ["MEMORYOS__EMBEDDING__PROVIDER"] = "static"
        environ |= {f"MEMORYOS__EMBEDDING__{key}": value for key, value in (("MODEL", ""), ("DIMENSIONS", "0"))}
        made = build(LiveSettings(environ))
        assert made.shared is not None
        assert made.shared.try_own()
        # When sensitive and other texts are sent to the cloud's model and to "auto"
        routes = [(chat(made, text, model).result or {})["route"]
                  for model in ("openai/echo", "auto") for text in ("The wifi password is hunter2", "Hello there")]
        made.vectors.close()
        # Then the sensitive ones stay, and each job says why
        assert [(route["tier"], route["reason"]) for route in routes] == [
            (1, "sensitive"), (2, "named"), (1, "sensitive"), (1, "default")]
        assert "hunter2" not in json.dumps([each.body for each in cloud.seen])
        assert "hunter2" in json.dumps([each.body for each in home.seen])
        assert len(cloud.seen) == 1
        # And our key goes nowhere but to the cloud
        assert all("authorization" not in each.headers for each in home.seen)
