"""Twenty users, one of whom asks fifty times as much as any other."""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import requests

#: Requests a second of all of them, and what the greedy one asks more than another.
RATE, GREED = 100.0, 50
OTHERS = 19
#: What one of the others asks in a second.
ONE = RATE / (OTHERS + GREED)
#: Connections of the greedy one: enough to be refused as fast as it asks.
HANDS = 6


@dataclass
class Told:
    """What users were told: how often which status, and the seconds of what was answered."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, status: int, seconds: float) -> None:
        with self._lock:
            self.statuses[status] += 1
            if status == 200:
                self.seconds.append(seconds)

    @property
    def p95(self) -> float:
        """In seconds."""
        return statistics.quantiles(self.seconds, n=20)[18] if len(self.seconds) > 1 else 0.0


def crowd(urls: Sequence[str], *, seconds: float, greedy: bool, seed: int) -> tuple[Told, Told]:
    """Let them ask at both addresses in turn; what the others and the greedy one were told."""
    others, one = Told(), Told()
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=_ask, args=(urls, f"user{n}", ONE, others, until, seed + n)) for n in range(OTHERS)
    ]
    if greedy:
        rate = ONE * GREED / HANDS
        threads += [threading.Thread(target=_ask, args=(urls, "greedy", rate, one, until, n)) for n in range(HANDS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return others, one


def _ask(urls: Sequence[str], user: str, rate: float, told: Told, until: float, seed: int) -> None:
    luck, turn = random.Random(seed), seed
    due = time.monotonic() + luck.uniform(0, 1 / rate)
    with requests.Session() as session:
        while due < until:
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due + luck.uniform(0.5, 1.5) / rate, time.monotonic() - 1)
            turn += 1
            began = time.monotonic()
            body = {"prompt": f"question {turn}", "user": user}
            try:
                answer = session.post(f"{urls[turn % len(urls)]}/inference", json=body, timeout=30)
            except requests.RequestException:
                told.note(0, 0.0)  # Neither let through nor refused for certain.
                continue
            told.note(answer.status_code, time.monotonic() - began)
