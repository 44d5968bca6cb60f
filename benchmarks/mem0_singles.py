"""The same single adds into mem0, in one process and without an LLM: ``infer=False`` and its local Qdrant.

    pip install mem0ai
    python benchmarks/mem0_singles.py [--events 2000] [--clients 1] [--users 50]

No HTTP, no broker and no journal stand between: what is printed is the library's own rate, with the word vectors
that MemoryOS uses. More than one client at a time makes its local store fail ("cannot start a transaction within a
transaction", mem0 2.2 with qdrant-client 1.20), so one is the default.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from messages import messages  # noqa: E402

from memoryos_tasks.adapters.embedding.static import StaticEmbedder  # noqa: E402


class Words:
    """MemoryOS' embedder with mem0's method names."""

    def __init__(self) -> None:
        self._static = StaticEmbedder()

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        return self._static.embed([text])[0]

    def embed_batch(self, texts: list[str], memory_action: str | None = None) -> list[list[float]]:
        return self._static.embed(texts)


def memory(folder: str) -> Any:
    """A mem0 memory in this folder that calls nobody."""
    os.environ.update(MEM0_TELEMETRY="False", MEM0_DIR=folder)
    from mem0 import Memory

    store = {"path": f"{folder}/qdrant", "embedding_model_dims": StaticEmbedder.dimensions, "on_disk": True}
    made = Memory.from_config({
        "vector_store": {"provider": "qdrant", "config": store},
        "embedder": {"provider": "openai", "config": {"api_key": "unused"}},
        "llm": {"provider": "openai", "config": {"api_key": "unused"}},
        "history_db_path": f"{folder}/history.db",
    })
    made.embedding_model = Words()
    return made


def main() -> None:
    """Add and print the rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--users", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mem0 = memory(folder)

        def add(numbered: tuple[int, str]) -> float:
            number, text = numbered
            started = time.perf_counter()
            said = [{"role": "user" if number % 2 == 0 else "assistant", "content": text}]
            mem0.add(said, user_id=f"u{number % options.users}", infer=False)
            return time.perf_counter() - started

        texts = list(enumerate(islice(messages(seed=1), options.events)))
        started = time.perf_counter()
        with ThreadPoolExecutor(options.clients) as clients:
            took = sorted(clients.map(add, texts))
        rate = len(took) / (time.perf_counter() - started)
        print(f"mem0 singles: {rate:.0f} events/s, p50 {took[len(took) // 2] * 1000:.1f} ms")


if __name__ == "__main__":
    main()
