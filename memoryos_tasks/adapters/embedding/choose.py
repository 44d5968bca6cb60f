"""The embedder that the settings name, or one that was used before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memoryos_tasks.adapters.embedding.discreet import Discreet
from memoryos_tasks.adapters.embedding.guarded import Guarded
from memoryos_tasks.adapters.embedding.static import StaticEmbedder
from memoryos_tasks.core.embedding import STATIC, Space
from memoryos_tasks.core.errors import ConfigError, EmbedderDown
from memoryos_tasks.core.routing_plan import embedder_in_house
from memoryos_tasks.core.sensitivity import Sensitivity
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.ports.embedder import Embedder

#: The vendor's own address, when the settings name none.
OPENAI = "https://api.openai.com/v1"


#: Whether a text must not be shown to the embedding server.
Sensitive = Callable[[str], bool]


def configured_embedder(settings: Settings, sensitive: Sensitive | None = None) -> Embedder:
    """The embedder of ``[embedding]``; a server never sees a sensitive text (by default: as ``settings`` say).

    Raises :class:`ConfigError` when it cannot be made.
    """
    chosen = settings.embedding
    return _made(settings, chosen.provider, chosen.model, chosen.dimensions, sensitive)


def former_embedder(settings: Settings, space: Space, sensitive: Sensitive | None = None) -> Embedder:
    """The embedder of this space, made with the settings of today; one that is away where they do not suffice."""
    if space.embedder == STATIC:
        return StaticEmbedder()
    provider, _, model = space.embedder.partition(":")
    try:
        made = _made(settings, provider, model, space.dimensions, sensitive)
    except ConfigError as error:
        return Absent(space, error.message)
    if made.dimensions != space.dimensions:
        return Absent(space, f"it makes vectors of {made.dimensions} numbers now")
    return made


class Absent:
    """An embedder that was used before and cannot be made any more: words alone are searched until memory is embedded
    anew."""

    def __init__(self, space: Space, why: str) -> None:
        self.name = space.embedder
        self.dimensions = space.dimensions
        self._why = why

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        raise EmbedderDown(f"The embedder {self.name!r} cannot be used here: {self._why}")


def space_of(embedder: Embedder) -> Space:
    """Where this embedder's vectors live."""
    return Space(embedder.name, embedder.dimensions)


def _made(
    settings: Settings, provider: str, model: str, dimensions: int, sensitive: Sensitive | None
) -> Embedder:
    chosen = settings.embedding
    if provider == "static":
        return StaticEmbedder()
    if provider == "openai":
        from memoryos_tasks.adapters.embedding.openai import OpenAIEmbedder

        # The chat provider's key goes to the chat provider's server only.
        base_url = chosen.base_url or settings.llm.openai_base_url or OPENAI
        api_key = chosen.api_key or ("" if chosen.base_url else settings.llm.openai_api_key)
        made: Embedder = OpenAIEmbedder(
            model, dimensions, base_url, api_key=api_key, batch=chosen.batch,
            query_timeout=chosen.query_timeout, timeout=chosen.timeout,
        )
    elif provider in ("fastembed", "sentence-transformers"):
        from memoryos_tasks.adapters.embedding.local import FastEmbedder, SentenceEmbedder

        kind = FastEmbedder if provider == "fastembed" else SentenceEmbedder
        made = kind(model, folder=chosen.model_dir, batch=chosen.batch)
        if dimensions and dimensions != made.dimensions:
            raise ConfigError(f"embedding.dimensions: {dimensions}, but the model {model!r} makes vectors of "
                              f"{made.dimensions} numbers. Set it to that, or to 0.", param="embedding.dimensions")
    else:
        raise ConfigError(f"There is no embedding provider {provider!r}.", param="embedding.provider")
    guarded = Guarded(made, most=chosen.cache)
    if provider == "openai" and sensitive is None and settings.router.sensitive and not embedder_in_house(settings):
        sensitive = Sensitivity(settings.router.sensitive_keywords).hit
    return Discreet(guarded, sensitive) if provider == "openai" and sensitive is not None else guarded
