"""One event, sent a hundred times at once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from acceptance.system import System

TIMES = 100


def test_one_event_sent_a_hundred_times_at_once_has_one_effect(system: System) -> None:
    # Given one event, and a hundred clients ready to send it
    event = {"user_id": "echo", "role": "user", "content": "The ferry leaves at seven.", "event_id": "ferry"}
    together = Barrier(TIMES)

    def send(_: int) -> dict[str, Any]:
        together.wait(timeout=30)
        answer = system.post("/v1/memory/add", event)
        assert answer.status_code in (200, 202), answer.text
        return dict(answer.json())

    # When all send it at once
    with ThreadPoolExecutor(TIMES) as pool:
        answers = list(pool.map(send, range(TIMES)))
    # Then one of them is told that it is new, and all others that it is known
    statuses = Counter(answer["status"] for answer in answers)
    assert statuses["duplicate"] == TIMES - 1, statuses
    assert sum(len(answer["event_ids"]) for answer in answers) == 1
    # And it is in memory once
    found = system.post("/v1/memory/retrieve", {"user_id": "echo", "query": "When does the ferry leave?"}).json()
    assert [each["sources"] for each in found["results"]] == [["ferry"]]
    assert [each["id"] for each in found["short_term"]].count(found["results"][0]["id"]) == len(found["short_term"])
