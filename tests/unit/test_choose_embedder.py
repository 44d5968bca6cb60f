from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from embedding_server import serving

from memoryos_tasks.adapters.config.toml import read
from memoryos_tasks.adapters.embedding.choose import configured_embedder, former_embedder, space_of
from memoryos_tasks.core.embedding import STATIC_SPACE, Space, averaging
from memoryos_tasks.core.errors import ConfigError, EmbedderDown
from memoryos_tasks.core.settings import Embedding, Llm, Settings


def settings(**fields: Any) -> Settings:
    return replace(Settings(), embedding=Embedding(**fields))


class TextEmbedding:
    """The interface of ``fastembed.TextEmbedding`` that is used."""

    def __init__(self, model_name: str, cache_dir: str | None) -> None:
        if model_name == "unknown":
            raise ValueError("Model unknown is not supported")
        self.cache_dir = cache_dir

    def embed(self, documents: Sequence[str], batch_size: int = 256) -> Iterator[Any]:
        assert batch_size > 0
        yield from (np.array([3.0, 4.0, 0.0], dtype=np.float32) for _ in documents)


class SentenceTransformer:
    """The interface of ``sentence_transformers.SentenceTransformer`` that is used."""

    def __init__(self, model: str, cache_folder: str | None) -> None:
        self.model, self.folder = model, cache_folder

    def encode(
        self, sentences: list[str], batch_size: int, show_progress_bar: bool, convert_to_numpy: bool
    ) -> Any:
        if sentences == ["break"]:
            raise RuntimeError("CUDA: secret")
        assert convert_to_numpy
        assert not show_progress_bar
        return np.array([[0.0, 3.0, 4.0] for _ in sentences], dtype=np.float32)


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, kind in (("fastembed", TextEmbedding), ("sentence_transformers", SentenceTransformer)):
        module = ModuleType(name)
        setattr(module, kind.__name__, kind)
        monkeypatch.setitem(sys.modules, name, module)


def test_the_default_is_static() -> None:
    made = configured_embedder(Settings())
    assert space_of(made) == STATIC_SPACE
    assert averaging(made.name)


@pytest.mark.usefixtures("libraries")
@pytest.mark.parametrize(
    ("provider", "expected"), [("fastembed", [0.6, 0.8, 0.0]), ("sentence-transformers", [0.0, 0.6, 0.8])]
)
def test_models_in_this_process_make_unit_vectors(provider: str, expected: list[float]) -> None:
    made = configured_embedder(settings(provider=provider, model="some/model"))
    assert (made.name, made.dimensions) == (f"{provider}:some/model", 3)
    assert made.embed(["你好", "", "hello"]) == [pytest.approx(expected), [0.0] * 3, pytest.approx(expected)]
    assert not averaging(made.name)


@pytest.mark.usefixtures("libraries")
def test_a_model_that_cannot_be_had_is_told_at_once() -> None:
    with pytest.raises(ConfigError, match=r"embedding\.model"):
        configured_embedder(settings(provider="fastembed", model="unknown"))
    with pytest.raises(ConfigError, match=r"embedding\.dimensions: 5"):
        configured_embedder(settings(provider="fastembed", model="m", dimensions=5))


@pytest.mark.usefixtures("libraries")
def test_a_model_that_fails_is_away_and_its_words_stay_inside() -> None:
    made = configured_embedder(settings(provider="sentence-transformers", model="m"))
    with pytest.raises(EmbedderDown, match="RuntimeError") as caught:
        made.embed(["break"])
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("provider", "library"),
    [("fastembed", "fastembed"), ("sentence-transformers", "sentence_transformers")],
)
def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch, provider: str, library: str) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigError) as caught:
        configured_embedder(settings(provider=provider, model="m"))
    assert f"memoryos[{provider}]" in caught.value.message


def test_the_chat_providers_key_goes_only_to_its_own_server() -> None:
    with serving(4) as chat, serving(4) as other:
        llm = Llm(openai_api_key="sk-chat", openai_base_url=chat.url)
        own = replace(settings(provider="openai", model="m", dimensions=4), llm=llm)
        configured_embedder(own).embed(["cat"])
        elsewhere = settings(provider="openai", model="m", dimensions=4, base_url=other.url)
        configured_embedder(replace(elsewhere, llm=llm)).embed(["cat"])
    assert (chat.keys, other.keys) == (["Bearer sk-chat"], [None])


def test_an_embedder_of_before_is_made_again_or_is_away() -> None:
    # Given today's settings, with the same server as before
    with serving(4) as server:
        today = settings(provider="openai", model="new", dimensions=8, base_url=server.url)
        before = former_embedder(today, Space("openai:old/one", 4))
        assert before.embed(["cat"])
        assert [asked["model"] for asked in server.asked] == ["old/one"]
    assert space_of(former_embedder(today, STATIC_SPACE)) == STATIC_SPACE
    # Then one whose package or provider is gone can still be named, and makes nothing
    for name in ("fastembed:gone", "somebody:else"):
        absent = former_embedder(today, Space(name, 5))
        assert space_of(absent) == Space(name, 5)
        with pytest.raises(EmbedderDown, match="cannot be used here"):
            absent.embed(["cat"])


def test_two_embedders_never_share_a_name_in_a_store() -> None:
    spaces = [STATIC_SPACE, Space("openai:m", 4), Space("openai:m", 8), Space("openai:M", 4), Space("fastembed:m", 4),
              Space("openai:模型", 4), Space("openai:型模", 4), Space("static:wordllama-256", 4)]
    names = {space.vector for space in spaces}
    assert len(names) == len(spaces)
    assert all(name.replace("-", "").isalnum() and name.isascii() for name in names)
    assert STATIC_SPACE.vector == "dense"


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"PROVIDER": "openai", "DIMENSIONS": "8"}, "embedding.model"),
        ({"PROVIDER": "openai", "MODEL": "m"}, "embedding.dimensions"),
        ({"PROVIDER": "fastembed"}, "embedding.model"),
        ({"MODEL": "m"}, "embedding.model"),
        ({"PROVIDER": "openai", "MODEL": "m", "DIMENSIONS": "8", "TIMEOUT": "1", "QUERY_TIMEOUT": "2"},
         "embedding.query_timeout"),
        ({"PROVIDER": "word2vec"}, "EMBEDDING__PROVIDER"),
    ],
)
def test_settings_that_cannot_work_are_refused(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read({f"MEMORYOS__EMBEDDING__{key}": value for key, value in environ.items()})
    assert problem in caught.value.message
