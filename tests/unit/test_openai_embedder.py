from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from embedding_server import EmbeddingServer, serving, vector

from memoryos_tasks.adapters.embedding import openai
from memoryos_tasks.adapters.embedding.openai import OpenAIEmbedder
from memoryos_tasks.core.errors import ConfigError, EmbedderDown

SIZE = 8


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with serving(SIZE) as made:
        yield made


def embedder(server: EmbeddingServer, **options: object) -> OpenAIEmbedder:
    return OpenAIEmbedder("some/model", SIZE, server.url, **options)  # type: ignore[arg-type]


def unit(text: str) -> list[float]:
    numbers = vector(text, SIZE)
    norm = math.hypot(*numbers)
    return [number / norm for number in numbers]


@pytest.mark.parametrize("base64", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_texts_come_back_as_unit_vectors_in_their_order(server: EmbeddingServer, base64: bool, shuffle: bool) -> None:
    server.base64, server.shuffle = base64, shuffle
    texts = ["a cat and a dog", "我 在 上海 工作", "a red bicycle"]
    made = embedder(server)
    assert made.embed(texts) == [pytest.approx(unit(text)) for text in texts]
    assert server.asked == [{"model": "some/model", "input": texts, "encoding_format": "float"}]
    assert (made.name, made.dimensions) == ("openai:some/model", SIZE)


def test_many_texts_go_out_in_bounded_requests(server: EmbeddingServer) -> None:
    texts = [f"word{number} here" for number in range(23)]
    assert embedder(server, batch=10).embed(texts) == [pytest.approx(unit(text)) for text in texts]
    assert [len(asked["input"]) for asked in server.asked] == [10, 10, 3]


def test_texts_with_nothing_in_them_are_not_sent(server: EmbeddingServer) -> None:
    assert embedder(server).embed(["", "  \n", "cat", "\u3000"]) == [
        [0.0] * SIZE, [0.0] * SIZE, pytest.approx(unit("cat")), [0.0] * SIZE]
    assert [asked["input"] for asked in server.asked] == [["cat"]]
    assert embedder(server).embed([]) == []


def test_the_key_is_sent_where_there_is_one(server: EmbeddingServer) -> None:
    embedder(server, api_key=" sk-1 ").embed(["cat"])
    embedder(server).embed(["cat"])
    assert server.keys == ["Bearer sk-1", None]
    with pytest.raises(ConfigError, match=r"embedding\.api_key"):
        embedder(server, api_key="sk-ключ")


def test_what_is_too_long_is_sent_in_smaller_pieces(server: EmbeddingServer) -> None:
    # Given a server that refuses any request with a text of more than 300 characters
    server.longest = 300
    long = "cat " * 500
    # When one of many texts is longer
    vectors = embedder(server).embed(["a dog", "a bird", long, "a fish", "a cow"])
    # Then it is embedded by its beginning, and the others whole
    expected = ("a dog", "a bird", "cat", "a fish", "a cow")
    assert vectors == [pytest.approx(unit(text), abs=0.05) for text in expected]


@pytest.mark.parametrize("status", [400, 422])
def test_a_short_text_that_is_refused_ends_the_attempts(server: EmbeddingServer, status: int) -> None:
    server.fail = [status] * 100
    with pytest.raises(EmbedderDown, match=str(status)) as caught:
        embedder(server).embed([f"text {number}" for number in range(64)])
    assert len(server.asked) <= 8
    assert "secret" not in caught.value.message


def test_a_passing_failure_of_a_large_request_is_tried_again(
    server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(openai, "sleep", slept.append)
    server.fail, texts = [503], [f"text {number}" for number in range(10)]
    assert len(embedder(server).embed(texts)) == 10
    assert len(server.asked) == 2
    assert len(slept) == 1
    # But a question does not wait for that
    server.fail = [503]
    with pytest.raises(EmbedderDown, match="503"):
        embedder(server).embed(["a question"])
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "embedding.api_key"), (404, "embedding.model"), (500, "try again")]
)
def test_a_refusal_says_what_to_check_and_not_what_the_server_said(
    server: EmbeddingServer, status: int, hint: str
) -> None:
    server.fail = [status]
    with pytest.raises(EmbedderDown, match=hint) as caught:
        embedder(server, api_key="sk-secret").embed(["my secret"])
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{}", b'{"data": []}', b'{"data": 3}', b'{"data": [{"index": 0}]}', b"[]",
     b'{"data": [{"index": 7, "embedding": [1, 2, 3, 4, 5, 6, 7, 8]}]}',
     b'{"data": [{"index": 0, "embedding": ["x", 2, 3, 4, 5, 6, 7, 8]}]}',
     b'{"data": [{"index": 0, "embedding": "!!!"}]}', b'{"data": [{"index": 0, "embedding": [NaN,1,1,1,1,1,1,1]}]}',
     b'{"data": [{"index": 0, "embedding": [1e999,1,1,1,1,1,1,1]}]}'],
)
def test_nonsense_is_no_vector(server: EmbeddingServer, body: bytes) -> None:
    server.body = body
    with pytest.raises(EmbedderDown):
        embedder(server).embed(["cat"])


def test_vectors_of_another_size_name_the_fix(server: EmbeddingServer) -> None:
    server.dimensions = 5
    with pytest.raises(EmbedderDown, match=r"set embedding\.dimensions to 5"):
        embedder(server).embed(["cat"])


def test_a_silent_server_is_given_up_in_time_and_one_that_is_not_there_at_once(server: EmbeddingServer) -> None:
    server.hang = True
    with pytest.raises(EmbedderDown, match=r"within 0\.2 s"):
        embedder(server, query_timeout=0.2).embed(["cat"])
    with pytest.raises(EmbedderDown, match="cannot be reached"):
        OpenAIEmbedder("m", SIZE, "http://127.0.0.1:9/v1").embed(["cat"])


def test_a_base_url_with_credentials_names_its_own_setting() -> None:
    with pytest.raises(ConfigError, match=r"embedding\.base_url must hold no credentials"):
        OpenAIEmbedder("m", SIZE, "http://user:password@127.0.0.1/v1")
