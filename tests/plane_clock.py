"""A Redis whose scripts of the plane read the time from a key that the test sets."""

from __future__ import annotations

import pytest
import redis

from memoryos_tasks.adapters.redis import connections, scripts

START = 1_700_000_000_000
_KEY = "test:clock"


class HandClock:
    """Moves by hand. Made before the scripts that shall read it."""

    def __init__(self, client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
        self._client = client
        self.set(START)
        real, clock = scripts.source, scripts.source("lib_clock").strip()
        by_hand = f"local function clock() return tonumber(redis.call('GET', '{_KEY}')) end"

        def source(name: str) -> str:
            text = real(name)
            assert not name.startswith("plane_") or clock in text
            return text.replace(clock, by_hand)

        monkeypatch.setattr(connections, "source", source)

    def set(self, milliseconds: int) -> None:
        self.now = milliseconds
        self._client.set(_KEY, milliseconds)

    def wait(self, seconds: float) -> None:
        self.set(self.now + round(seconds * 1000))
