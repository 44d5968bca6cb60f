"""Clients that ask the plane one question after the other."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import requests


@dataclass
class Load:
    """``clients`` threads that post to ``url`` until the block ends; ``told`` counts answers by what they were."""

    url: str
    clients: int
    told: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def answered(self) -> int:
        """Right answers."""
        return self.told["answered"]

    @property
    def success(self) -> float:
        """The share of right answers."""
        return self.answered / max(self.told.total(), 1)

    def _ask(self, client: int) -> None:
        with requests.Session() as session:
            number = 0
            while not self._stop.is_set():
                number += 1
                began = time.monotonic()
                what = self._answer(session, f"q{client}-{number}")
                with self._lock:
                    self.told[what] += 1
                    self.slowest = max(self.slowest, time.monotonic() - began)

    def _answer(self, session: requests.Session, prompt: str) -> str:
        try:
            answer = session.post(f"{self.url}/inference", json={"prompt": prompt}, timeout=90)
        except requests.RequestException as error:
            return type(error).__name__
        if answer.status_code != 200:
            return f"{answer.status_code} {answer.text[:200]}"
        return "answered" if answer.json()["text"] == prompt.upper() else f"wrong: {answer.text[:100]}"
