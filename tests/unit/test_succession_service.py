from __future__ import annotations

from itertools import count

import pytest

from memoryos_tasks.core.items import Kind
from memoryos_tasks.core.sought import sought
from memoryos_tasks.ports.vectors import Hit
from memoryos_tasks.services.standing import Asked
from memoryos_tasks.services.succession import succeeded

_NONCES = count()


def sealed(text: str) -> str:
    """Differs each time, as a sealed text does."""
    return f"{next(_NONCES)}|{text}"


def opened(text: str) -> str:
    return text.partition("|")[2]


def turn(number: int, text: str, *, name: str | None = None, role: str = "user") -> Hit:
    payload = {
        "kind": Kind.TURN.value, "event_id": f"e{number}", "role": role, "text": sealed(text),
        "timestamp": 3600.0 * number, "seq": number, "name": None if name is None else sealed(name),
    }  # fmt: skip
    return Hit(f"t{number}", payload)


def fact(id: str, sources: list[str], *, since: float = 0.0) -> Hit:
    return Hit(id, {"kind": Kind.TRAIT.value, "key": "k", "sources": sources, "valid_from": since})


def found(*hits: Hit) -> tuple[str, set[str]]:
    wanted = sought("Where do I live?")
    assert wanted is not None
    current, over = succeeded({"own": hits}, Asked(), wanted, opened)
    return current, set(over)


OLD, NEW = "I live in Rome.", "We moved to Milan."


def test_the_older_turn_goes_with_the_facts_and_pages_from_it() -> None:
    page = Hit("p", {"kind": Kind.PAGE.value, "sources": ["e1", "e9"]})
    told = found(turn(1, OLD), turn(2, NEW), fact("old", ["e1"]), fact("new", ["e2"]), fact("both", ["e1", "e2"]), page)
    assert told == ("t2", {"t1", "old", "p"})


def test_a_fact_that_was_put_right_by_hand_since_then_stays() -> None:
    assert found(turn(1, OLD), turn(2, NEW), fact("mended", ["e1"], since=3600.0 * 5)) == ("t2", {"t1"})


def test_what_the_assistant_says_follows_nothing() -> None:
    assert found(turn(1, OLD), turn(2, NEW, role="assistant")) == ("", set())


@pytest.mark.parametrize(("first", "second", "current"), [("Ann", "Ann", "t2"), ("Ann", "Bob", ""), (None, "Bob", "")])
def test_a_talk_of_several_named_people_is_left_as_it_is(first: str | None, second: str, current: str) -> None:
    assert found(turn(1, OLD, name=first), turn(2, NEW, name=second))[0] == current


def test_without_hits_nothing_is_over() -> None:
    assert found() == ("", set())
