"""What everybody asks is answered without a model, through the whole system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from acceptance.system import System, until
from openai import OpenAI
from vendors.openai import OpenAIVendor

ASKED = "How do I reset the password?"
ASKED_ZH, ANSWER_ZH = "怎么重置密码？", "点击“重置”，然后查看邮件。"


@pytest.fixture
def vendor() -> Iterator[OpenAIVendor]:
    with OpenAIVendor() as server:
        yield server


def ask(system: System, user: str, text: str = ASKED, **fields: Any) -> requests.Response:
    body = {"model": "openai/echo", "messages": [{"role": "user", "content": text}], "user": user, **fields}
    return requests.post(f"{system.url}/v1/chat/completions", json=body, timeout=20)


def tier(answer: requests.Response) -> str:
    return str(answer.headers.get("X-MemoryOS-Tier"))


def test_a_common_question_is_promoted_hit_and_forgotten(
    make_system: Callable[..., System], vendor: OpenAIVendor
) -> None:
    # Given a system with a model, and ten users who ask it the same
    system = make_system({"MEMORYOS__LLM__OPENAI_BASE_URL": vendor.url, "MEMORYOS__LLM__OPENAI_API_KEY": "k"})
    admin = f"{system.url}/v1/admin/faq"
    for place in range(10):
        assert tier(ask(system, f"u{place}")) == "2"
    # When beat has looked
    [faq] = until(lambda: requests.get(admin, timeout=5).json()["faqs"], seconds=30, what="an FAQ")
    assert (faq["question"], faq["asks"], faq["users"], faq["similarity"]) == (ASKED, 10, 10, 1.0)
    # Then a user who words it otherwise is answered without the model, whole and as a stream
    spoken = len(vendor.seen)
    hit = until(lambda: (got := ask(system, "zoe", f"  {ASKED.lower()}")) and tier(got) == "0" and got, seconds=5,
                what="a hit")
    assert hit.json()["choices"][0]["message"]["content"] == faq["answer"]
    assert hit.json()["usage"]["total_tokens"] == 0
    with OpenAI(base_url=f"{system.url}/v1", api_key="unused", max_retries=0) as client:
        stream = client.chat.completions.create(
            model="openai/echo", messages=[{"role": "user", "content": ASKED}], user="yan", stream=True
        )
        chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == faq["answer"]
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len(vendor.seen) <= spoken + 1
    # And it is remembered as any other answer
    found = until(lambda: requests.get(f"{system.url}/v1/memory/events", params={"user_id": "yan"}, timeout=5).json()
                  ["events"], seconds=5, what="the exchange")
    assert [event["role"] for event in found] == ["user", "assistant"]
    # And what is another question, or wants more than a text, goes to the model
    for other in (ask(system, "zoe", "How do I reset the router?"), ask(system, "zoe", ASKED, n=2)):
        assert tier(other) != "0"
    # When an operator takes it off and writes another, in Chinese, Then so it is
    assert requests.post(f"{admin}/demote", json={"id": faq["id"]}, timeout=5).status_code == 204
    assert tier(ask(system, "amy")) == "2"
    written = requests.post(f"{admin}/promote", json={"question": ASKED_ZH, "answer": ANSWER_ZH}, timeout=5).json()
    answer = until(lambda: (got := ask(system, "ming", f"请问{ASKED_ZH}谢谢")) and tier(got) == "0" and got, seconds=5,
                   what="a hit in Chinese")
    assert answer.json()["choices"][0]["message"]["content"] == ANSWER_ZH
    # And an export holds it
    job = requests.post(f"{admin}/export", json={"to": "markdown"}, timeout=5).json()["job_id"]
    done = until(lambda: (got := requests.get(f"{admin}/exports/{job}", timeout=5).json())["status"] == "succeeded"
                 and got, seconds=15, what="the export")
    assert done["result"]["count"] == 1
    assert f"## {ASKED_ZH}" in done["result"]["document"]
    history = requests.get(f"{admin}/history", timeout=5).json()["history"]
    assert [step["action"] for step in history] == ["written", "demoted", "promoted"]
    assert history[0]["id"] == written["id"]


def test_an_faq_in_an_erased_users_words_goes_with_the_user(
    make_system: Callable[..., System], vendor: OpenAIVendor
) -> None:
    # Given an FAQ whose only words are one user's
    system = make_system({
        "MEMORYOS__LLM__OPENAI_BASE_URL": vendor.url, "MEMORYOS__LLM__OPENAI_API_KEY": "k",
        "MEMORYOS__FAQ__MIN_ASKS": "3", "MEMORYOS__FAQ__MIN_HEAT": "30", "MEMORYOS__FAQ__MIN_ANSWERS": "1",
    })  # fmt: skip
    admin = f"{system.url}/v1/admin/faq"
    for _ in range(3):
        ask(system, "anna")
    until(lambda: requests.get(admin, timeout=5).json()["faqs"], seconds=30, what="an FAQ")
    until(lambda: tier(ask(system, "zoe")) == "0", seconds=5, what="a hit")
    # When the user is erased
    job = requests.post(f"{system.url}/v1/memory/erase", json={"user_id": "anna"}, timeout=5).json()["job_id"]
    until(lambda: requests.get(f"{system.url}/v1/jobs/{job}", timeout=5).json()["status"] == "succeeded", seconds=60,
          what="the erasure")
    # Then nobody is answered in the user's words
    assert tier(ask(system, "zoe")) == "2"
    assert requests.get(admin, timeout=5).json()["faqs"] == []
