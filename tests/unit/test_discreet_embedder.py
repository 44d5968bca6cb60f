"""An embedder elsewhere, which must not see what stays in house."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memoryos_tasks.adapters.embedding.choose import configured_embedder, former_embedder, space_of
from memoryos_tasks.adapters.embedding.discreet import Discreet
from memoryos_tasks.adapters.embedding.guarded import Guarded
from memoryos_tasks.core.sensitivity import Sensitivity
from memoryos_tasks.core.settings import Settings


class Elsewhere:
    """Notes what it sees."""

    name, dimensions = "openai:far", 2

    def __init__(self) -> None:
        self.seen: list[str] = []

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.seen += texts
        return [[1.0, float(len(text))] for text in texts]


def test_sensitive_texts_are_like_nothing_and_are_not_sent() -> None:
    far = Elsewhere()
    discreet = Discreet(far, Sensitivity().hit)
    vectors = discreet.embed(["tea", "My password is hunter2", "我的密码是 hunter2", "cake"])
    assert vectors == [[1.0, 3.0], [0.0, 0.0], [0.0, 0.0], [1.0, 4.0]]
    assert far.seen == ["tea", "cake"]
    # And where nothing is left, nothing is asked
    assert discreet.embed(["My password is hunter2"]) == [[0.0, 0.0]]
    assert far.seen == ["tea", "cake"]
    # In the space of that embedder
    assert (discreet.name, discreet.dimensions) == ("openai:far", 2)


def settings(**router: object) -> Settings:
    default = Settings()
    far = replace(default.embedding, provider="openai", model="m", dimensions=2, base_url="http://127.0.0.1:9/v1")
    return replace(default, embedding=far, router=replace(default.router, **router))  # type: ignore[arg-type]


def test_a_server_is_guarded_unless_it_is_in_house() -> None:
    assert isinstance(configured_embedder(settings()), Discreet)
    assert isinstance(former_embedder(settings(), space_of(configured_embedder(settings()))), Discreet)
    assert isinstance(configured_embedder(settings(local_providers="embedding")), Guarded)
    assert isinstance(configured_embedder(settings(sensitive=False)), Guarded)
    # The one in this process sends nothing
    assert not isinstance(configured_embedder(Settings()), Discreet)
