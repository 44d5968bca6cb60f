"""Any server that speaks OpenAI's ``POST /embeddings``: OpenAI, Ollama, vLLM, text-embeddings-inference.

Protocol: https://platform.openai.com/docs/api-reference/embeddings
"""

from __future__ import annotations

import base64
import binascii
import json
from array import array
from collections.abc import Sequence
from time import monotonic, sleep
from typing import Any

from memoryos_tasks.adapters.embedding.guarded import SlowDown
from memoryos_tasks.adapters.embedding.units import unit, zero
from memoryos_tasks.adapters.llm.timeouts import Timeouts
from memoryos_tasks.adapters.llm.transport import Transport
from memoryos_tasks.core.errors import (
    ConfigError,
    DeadlineExceeded,
    EmbedderDown,
    UpstreamError,
    UpstreamTimeout,
)
from memoryos_tasks.core.retries import Verdict, decide

#: Longest text that is sent, in characters: about what the widest models take.
MAX_CHARACTERS = 8_000
#: A refused text is halved until it is this short; then it is not its length that the server minds.
SHORTEST = 200
#: So many texts or fewer are somebody's question: they get the short limit.
FEW = 4
#: Runs of one larger request.
ATTEMPTS = 2
#: Seconds to connect.
CONNECT = 2.0
#: What to do about a status.
HINTS = {
    401: "check embedding.api_key",
    403: "check embedding.api_key",
    404: "check embedding.base_url and embedding.model",
}
#: Refusals that a shorter or smaller request may cure.
TOO_MUCH = (400, 413, 422)


class OpenAIEmbedder:
    """See :class:`memoryos_tasks.ports.embedder.Embedder`. ``base_url`` has the ``/v1``.

    Texts go out in requests of at most ``batch``; a request that the server finds too long is cut in two. No error
    repeats what the server said, since it may quote a text.
    """

    def __init__(
        self,
        model: str,
        dimensions: int,
        base_url: str,
        *,
        api_key: str = "",
        batch: int = 64,
        query_timeout: float = 1.5,
        timeout: float = 20.0,
    ) -> None:
        secret = api_key.strip()
        if not (secret.isascii() and secret.isprintable()):
            raise ConfigError("embedding.api_key holds characters that no API key has.", param="embedding.api_key")
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        limits = Timeouts(min(CONNECT, timeout), timeout, timeout)
        try:
            self._transport = Transport("openai", base_url, headers, limits, secret=secret)
        except ConfigError as error:
            raise ConfigError(error.message.replace("llm.openai_", "embedding."), param="embedding.base_url") from error
        self._model = model
        self._batch = batch
        self._query_timeout = query_timeout
        self._timeout = timeout
        self.name = f"openai:{model}"
        self.dimensions = dimensions

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        asked = [at for at, text in enumerate(texts) if text.strip()]
        vectors = [zero(self.dimensions) for _ in texts]
        limit = self._query_timeout if len(asked) <= FEW else self._timeout
        for first in range(0, len(asked), self._batch):
            places = asked[first : first + self._batch]
            found = self._request([texts[at][:MAX_CHARACTERS] for at in places], limit)
            for at, vector in zip(places, found, strict=True):
                vectors[at] = vector
        return vectors

    def _request(self, texts: Sequence[str], limit: float) -> list[list[float]]:
        try:
            return self._tried(texts, limit)
        except UpstreamTimeout as error:
            raise SlowDown(f"The embedding server did not answer within {limit:g} s; try again.") from error
        except DeadlineExceeded as error:
            raise SlowDown(f"The embedding server did not answer within {limit:g} s; try again.") from error
        except UpstreamError as error:
            if error.upstream_status in TOO_MUCH and (len(texts) > 1 or len(texts[0]) > SHORTEST):
                return self._smaller(texts, limit)
            raise EmbedderDown(_why(error), retry_after=error.retry_after) from error

    def _tried(self, texts: Sequence[str], limit: float) -> list[list[float]]:
        deadline = monotonic() + limit
        attempt = 1
        while True:
            try:
                return self._once(texts, deadline)
            except UpstreamError as error:
                decision = decide(error, attempt, most=ATTEMPTS if len(texts) > FEW else 1)
                if decision.verdict is not Verdict.RETRY or monotonic() + decision.delay >= deadline:
                    raise
                sleep(decision.delay)
                attempt += 1

    def _once(self, texts: Sequence[str], deadline: float) -> list[list[float]]:
        body = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        with self._transport.post("/embeddings", body, deadline=deadline, stream=False) as answer:
            raw = answer.body()
        return self._vectors(raw, len(texts))

    def _smaller(self, texts: Sequence[str], limit: float) -> list[list[float]]:
        if len(texts) == 1:
            return self._request([texts[0][: len(texts[0]) // 2]], limit)
        half = len(texts) // 2
        return self._request(texts[:half], limit) + self._request(texts[half:], limit)

    def _vectors(self, raw: bytes, count: int) -> list[list[float]]:
        try:
            rows = json.loads(raw)["data"]
            if len(rows) != count:
                raise _nonsense(f"{len(rows)} vectors for {count} texts")
            found: dict[int, list[float]] = {}
            for at, row in enumerate(rows):
                found[int(row.get("index", at))] = _numbers(row["embedding"])
            vectors = [found[at] for at in range(count)]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error) as error:
            raise _nonsense("what is no list of vectors") from error
        for vector in vectors:
            if len(vector) != self.dimensions:
                raise EmbedderDown(
                    f"The embedding model {self._model!r} makes vectors of {len(vector)} numbers and not of "
                    f"{self.dimensions}: set embedding.dimensions to {len(vector)}.", param="embedding.dimensions")
        return [unit(vector) for vector in vectors]


def _numbers(embedding: Any) -> list[float]:
    """A vector that came as numbers, or as base64 of little-endian 32-bit floats."""
    if isinstance(embedding, str):
        packed = array("f")
        packed.frombytes(base64.b64decode(embedding, validate=True))
        return packed.tolist()
    return [float(number) for number in embedding]


def _nonsense(what: str) -> EmbedderDown:
    return EmbedderDown(f"The embedding server answered with {what}; check embedding.base_url and embedding.model.")


def _why(error: UpstreamError) -> str:
    status = error.upstream_status
    if status is None:
        return "The embedding server cannot be reached; check embedding.base_url, or try again."
    return f"The embedding server answered {status}; {HINTS.get(status, 'try again')}."
