"""How the embedded store grows: ``python -m memoryos_tasks.scale``, which ``memoryos bench scale`` calls.

Everything happens in this one process, as in the worker that owns the vectors: made-up memories are indexed and
asked for through the same services, and sealed with a key per user. Nothing goes over a network.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from memoryos_tasks.adapters.codec.sealed import SealedCodec
from memoryos_tasks.adapters.embedding.static import StaticEmbedder
from memoryos_tasks.adapters.vault.files import FileVault
from memoryos_tasks.adapters.vectors.edge import EdgeStore
from memoryos_tasks.core.events import Event, Owner, Role
from memoryos_tasks.core.items import Kind
from memoryos_tasks.services.recall import Recall

#: Of so many memories of a user one is a fact and one a page; the others are turns.
EVERY = 10
#: Turns of one session; index calls hold one session each.
SESSION = 40
#: Memories between two calls of the store's upkeep, which beat makes every minute.
UPKEEP = 10_000
NOW = 1_700_000_000.0
_SYLLABLES = [a + b for a in "bdfgklmnprstvw" for b in ("a", "e", "i", "o", "u", "an", "er", "il")]
_HAN = "春夏秋冬山水江河城市学校医院公司书店咖啡牛奶面包音乐电影运动旅行朋友家人同事老师猫狗花鸟鱼车船飞机火地铁早晚"


class Texts:
    """Made-up sentences, a quarter of them Chinese; words are as unevenly frequent as in real ones (Zipf)."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._words = ["".join(self._dice.choices(_SYLLABLES, k=self._dice.randint(2, 3))) for _ in range(8_000)]
        self._weights = [1 / place for place in range(1, len(self._words) + 1)]

    def sentence(self, *, chinese: bool | None = None) -> str:
        """One sentence of 6 to 20 words."""
        chinese = self._dice.random() < 0.25 if chinese is None else chinese
        if chinese:
            return "我" + "".join(self._dice.choices(_HAN, k=self._dice.randint(8, 24))) + "。"
        return " ".join(self._dice.choices(self._words, self._weights, k=self._dice.randint(6, 20))).capitalize() + "."


def main(arguments: Sequence[str] | None = None) -> None:
    """Build, ask, and print one JSON object a size."""
    parser = argparse.ArgumentParser(prog="python -m memoryos_tasks.scale", description=__doc__)
    parser.add_argument("--sizes", default="10000,100000", help="memories to build, in ascending order")
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--folder", type=Path, help="where to build; removed afterwards when not given")
    given = parser.parse_args(arguments)
    sizes = sorted(int(size) for size in given.sizes.split(","))
    with TemporaryDirectory(prefix="memoryos-scale-") as made:
        for row in measure(given.folder or Path(made), sizes, users=given.users, questions=given.questions):
            print(json.dumps(row), flush=True)


def measure(folder: Path, sizes: Sequence[int], *, users: int, questions: int) -> Iterator[dict[str, Any]]:
    """One row a size, of a store that grows: rates are per second, times in milliseconds, sizes in bytes."""
    embedder, texts = StaticEmbedder(), Texts(1)
    store = EdgeStore(folder / "vectors", embedder.dimensions)
    try:
        recall = Recall(store, embedder, SealedCodec(FileVault(folder / "vault")), lambda tenant: tenant.encode())
        owners = [Owner("scale", f"user-{number}") for number in range(users)]
        writer, there = _Writer(store, recall, texts), 0
        for size in sizes:
            started = time.perf_counter()
            writer.grow(owners, there, size)
            seconds, added, there = time.perf_counter() - started, size - there, size
            store.optimize()
            waited = _asked(recall, texts, owners, questions)
            yield {
                "memories": size,
                "users": users,
                "inserted_per_s": round(added / seconds, 1),
                **{name: round(_at(waited, share), 3) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))},
                "rss": _resident(),
                "disk": sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file()),
            }
    finally:
        store.close()


class _Writer:
    """Gives every user as many memories as the others, session by session, in an order that mixes the users."""

    def __init__(self, store: EdgeStore, recall: Recall, texts: Texts) -> None:
        self._store, self._recall, self._texts = store, recall, texts
        self._seq = 0

    def grow(self, owners: Sequence[Owner], there: int, size: int) -> None:
        done = 0
        while done < size - there:
            for owner in owners:
                room = min(SESSION, size - there - done)
                if room <= 0:
                    return
                self._session(owner, room)
                if (done + room) // UPKEEP > done // UPKEEP:
                    self._store.optimize()
                done += room

    def _session(self, owner: Owner, memories: int) -> None:
        derived = memories // EVERY
        name, events = f"s{self._seq}", []
        for _ in range(memories - 2 * derived):
            self._seq += 1
            role: Role = "user" if self._seq % 2 else "assistant"
            at = NOW - 1e7 + self._seq
            events.append(Event(owner, f"e{self._seq}", role, self._texts.sentence(), at, name, seq=self._seq))
        self._recall.index(events, {})
        points = [
            self._recall.point(
                owner, owner.derive(kind, name, str(number)), kind, self._texts.sentence(), sources=[event.event_id],
                created_at=event.timestamp, payload={"valid_to": None},
            )
            for number, event in enumerate(events[:derived])
            for kind in (Kind.KNOWLEDGE, Kind.PAGE)
        ]
        if points:
            self._store.upsert(owner, points)


def _asked(recall: Recall, texts: Texts, owners: Sequence[Owner], questions: int) -> list[float]:
    """Milliseconds of each retrieval, of users in random order; the first tenth warms up and does not count."""
    dice, waited = random.Random(2), []
    for number in range(questions + questions // 10):
        owner, question = dice.choice(owners), " ".join(texts.sentence().split()[:8])
        started = time.perf_counter()
        recall.search(owner, question, limit=10, now=NOW)
        if number >= questions // 10:
            waited.append((time.perf_counter() - started) * 1000)
    return sorted(waited)


def _at(ordered: Sequence[float], share: float) -> float:
    return statistics.median(ordered) if share == 0.5 else ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _resident() -> int:
    """Bytes of memory that this process holds now, or at most held where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
