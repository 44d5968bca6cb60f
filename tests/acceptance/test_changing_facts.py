"""Facts that change, over HTTP: what holds now is found first, what held before only when the past is asked for."""

from __future__ import annotations

from typing import Any

from acceptance.system import System
from changing_facts import Dialogue, dialogues

#: How many of the dialogues may go wrong.
SPARE = 2


def test_forty_dialogues_in_which_a_fact_changes(system: System) -> None:
    # Given forty users, half of them Chinese, who each told a fact and its change
    told = dialogues("changing_facts.txt")
    assert len(told) == 40
    assert sum(not dialogue.question.isascii() for dialogue in told) >= 20
    for number, dialogue in enumerate(told):
        added = system.post("/v1/memory/add", {"user_id": f"changed{number}", "messages": _messages(dialogue)})
        assert added.status_code in (200, 202), added.text
    wrong: list[str] = []
    lost: list[str] = []
    for number, dialogue in enumerate(told):
        # When the fact is asked for, now and as of a time before the change
        request = {"user_id": f"changed{number}", "query": dialogue.question}
        now = dialogue.current_first(_results(system, request))
        then = dialogue.former_found(_results(system, {**request, "as_of": dialogue.time(dialogue.new) - 60}))
        wrong += [f"{dialogue.question} {now}"] if now else []
        lost += [f"{dialogue.question} {then}"] if then else []
    # Then the current fact is first and the old one is not there, and the past has the old one
    assert len(wrong) <= SPARE, wrong
    assert len(lost) <= SPARE, lost


def _messages(dialogue: Dialogue) -> list[dict[str, Any]]:
    return [
        {"role": role, "content": text, "event_id": dialogue.event_id(place), "timestamp": dialogue.time(place)}
        for place, (role, text) in enumerate(dialogue.messages)
    ]


def _results(system: System, request: dict[str, Any]) -> list[dict[str, Any]]:
    answer = system.post("/v1/memory/retrieve", request)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results
