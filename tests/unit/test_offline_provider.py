from __future__ import annotations

from typing import Any

import pytest

from memoryos_tasks.adapters.llm.offline import FINGERPRINT, OfflineProvider
from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.core.items import Fact, Kind
from memoryos_tasks.core.tokens import estimate
from memoryos_tasks.ports.llm import ModelCall

NOW = 1_700_000_000.0
ENGLISH = ("What is my name and my job?", "Alice", "data scientist")
CHINESE = ("我叫什么名字，做什么工作？", "小红", "数据科学家")


def call(asked: tuple[str, str, str] = ENGLISH, **body: Any) -> ModelCall:
    """A call whose user has told a name and a job."""
    question, name, job = asked
    chinese = asked is CHINESE
    facts = (
        fact("name", name, f"用户的名字是{name}" if chinese else f"The user's name is {name}."),
        fact("occupation", job, f"用户的工作是{job}" if chinese else f"The user works as a {job}."),
    )
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    return ModelCall("job1", "offline", {"model": "offline", "messages": messages, **body}, question, facts)


def fact(attribute: str, value: str, text: str) -> Fact:
    """One thing that we believe about the user."""
    return Fact(Kind.TRAIT, "user", attribute, value, text, ("e1",), NOW - 60)


def provider() -> OfflineProvider:
    """The provider at a fixed time."""
    return OfflineProvider(lambda: NOW)


def streamed(chunks: list[dict[str, Any]]) -> str:
    """The text of a stream."""
    return "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])


@pytest.mark.parametrize("asked", [ENGLISH, CHINESE])
def test_it_answers_from_what_is_believed(asked: tuple[str, str, str]) -> None:
    # When a user with known facts asks
    completion = provider().complete(call(asked))
    # Then the answer names them
    choice = completion["choices"][0]
    assert asked[1] in choice["message"]["content"]
    assert asked[2] in choice["message"]["content"]
    # And the answer says that no model was called
    assert completion["system_fingerprint"] == FINGERPRINT
    assert (completion["id"], completion["model"]) == ("chatcmpl-job1", "offline")
    assert (completion["object"], completion["created"]) == ("chat.completion", int(NOW))
    assert (choice["message"]["role"], choice["finish_reason"]) == ("assistant", "stop")


@pytest.mark.parametrize("asked", [ENGLISH, CHINESE])
def test_a_stream_says_the_same_in_pieces(asked: tuple[str, str, str]) -> None:
    # When the same call streams
    whole = provider().complete(call(asked))["choices"][0]["message"]["content"]
    chunks = list(provider().stream(call(asked)))
    # Then its pieces, of which there are several, make up the whole answer
    assert streamed(chunks) == whole
    assert len(chunks) > 4
    # And it begins with the role and ends with the finish_reason, without usage
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    assert not any("usage" in chunk for chunk in chunks)


def test_usage_is_counted_and_called_an_estimate() -> None:
    # When the answer is whole, or streamed with include_usage
    completion = provider().complete(call())
    chunks = list(provider().stream(call(stream_options={"include_usage": True})))
    # Then usage counts the prompt's texts and the answer's
    text = completion["choices"][0]["message"]["content"]
    prompt = estimate("Be brief.") + estimate(ENGLISH[0])
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": estimate(text),
        "total_tokens": prompt + estimate(text),
        "estimated": True,
    }
    assert completion["usage"] == usage
    # And a stream has it in a last chunk of its own
    assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], usage)
    assert all(chunk["usage"] is None for chunk in chunks[:-1])


@pytest.mark.parametrize("asked", [ENGLISH, CHINESE])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_an_answer_over_the_token_limit_is_cut(asked: tuple[str, str, str], name: str) -> None:
    # When the answer may have only three tokens
    whole = provider().complete(call(asked))["choices"][0]["message"]["content"]
    cut = provider().complete(call(asked, **{name: 3}))
    # Then it is cut there, says so, and counts what it sent
    choice = cut["choices"][0]
    assert choice["finish_reason"] == "length"
    assert whole.startswith(choice["message"]["content"])
    assert choice["message"]["content"] != whole
    assert cut["usage"]["completion_tokens"] == 3
    # And so in a stream
    chunks = list(provider().stream(call(asked, **{name: 3})))
    assert streamed(chunks) == choice["message"]["content"]
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    completion = provider().complete(call(max_tokens=10_000))
    assert completion["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 2),
        ("max_tokens", 0),
        ("max_tokens", "many"),
        ("tool_choice", "required"),
        ("response_format", {"type": "json_object"}),
    ],
)
def test_what_only_a_model_can_do_is_refused(field: str, value: Any) -> None:
    # When a call asks for it, streaming or not
    with pytest.raises(InvalidRequest) as caught:
        provider().complete(call(**{field: value}))
    # Then the error names the field
    assert (caught.value.param, caught.value.status) == (field, 400)
    with pytest.raises(InvalidRequest):
        next(provider().stream(call(**{field: value})))


def test_plain_requests_for_one_plain_answer_pass() -> None:
    body: dict[str, Any] = {
        "n": 1,
        "tool_choice": "auto",
        "tools": [],
        "response_format": {"type": "text"},
        "max_tokens": None,
    }
    assert provider().complete(call(**body))["choices"][0]["finish_reason"] == "stop"


def test_it_names_its_model() -> None:
    assert provider().models() == ["offline"]
