from __future__ import annotations

from collections.abc import Sequence

import pytest

from memoryos_tasks.adapters.embedding.breaker import FAILURES, LONGEST_PAUSE, PAUSE, Breaker
from memoryos_tasks.adapters.embedding.guarded import Guarded, SlowDown
from memoryos_tasks.core.errors import EmbedderDown


class Model:
    """Counts what it is asked; ``error`` is raised instead of an answer."""

    name = "fake:model"
    dimensions = 2

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.error: Exception | None = None

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked.append(list(texts))
        if self.error is not None:
            raise self.error
        return [[float(len(text)), 1.0] for text in texts]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def model() -> Model:
    return Model()


def test_a_text_is_embedded_once_while_it_is_kept(model: Model) -> None:
    guarded = Guarded(model, most=3)
    assert guarded.embed(["猫", "dog", "猫"]) == [[1.0, 1.0], [3.0, 1.0], [1.0, 1.0]]
    assert guarded.embed(["dog", "horse"]) == [[3.0, 1.0], [5.0, 1.0]]
    assert model.asked == [["猫", "dog"], ["horse"]]
    # When more come than are kept, the least lately used goes
    guarded.embed(["elephant"])
    guarded.embed(["dog", "猫"])
    assert model.asked[2:] == [["elephant"], ["猫"]]
    assert (guarded.name, guarded.dimensions) == ("fake:model", 2)
    # And what is given out may be changed by whoever has it
    guarded.embed(["dog"])[0].clear()
    assert guarded.embed(["dog"]) == [[3.0, 1.0]]


def test_a_cache_of_nothing_asks_each_time(model: Model) -> None:
    guarded = Guarded(model, most=0)
    assert guarded.embed(["dog"]) == guarded.embed(["dog"])
    assert len(model.asked) == 2


def test_it_is_left_alone_after_some_failures_and_tried_again_by_one(model: Model, clock: Clock) -> None:
    # Given a model that fails, and a text that is kept
    guarded = Guarded(model, most=9, breaker=Breaker(clock=clock))
    guarded.embed(["kept"])
    model.error = EmbedderDown("away")
    for _ in range(FAILURES):
        with pytest.raises(EmbedderDown, match="away"):
            guarded.embed(["new"])
    # When it was asked often enough, it is left alone; what is kept is still told
    asked = len(model.asked)
    with pytest.raises(EmbedderDown, match="left alone") as refused:
        guarded.embed(["new"])
    assert refused.value.retry_after == PAUSE
    assert guarded.embed(["kept"]) == [[4.0, 1.0]]
    assert len(model.asked) == asked
    # When the pause is over, one call tries, and a failure makes the pause longer
    clock.now += PAUSE
    with pytest.raises(EmbedderDown, match="away"):
        guarded.embed(["new"])
    clock.now += PAUSE
    with pytest.raises(EmbedderDown, match="left alone"):
        guarded.embed(["new"])
    # When it is back, all is as before
    model.error = None
    clock.now += PAUSE
    assert guarded.embed(["new"]) == [[3.0, 1.0]]
    assert guarded.embed(["newer"]) == [[5.0, 1.0]]


def test_one_wait_to_the_limit_is_enough(model: Model, clock: Clock) -> None:
    guarded = Guarded(model, most=9, breaker=Breaker(clock=clock))
    model.error = SlowDown()
    with pytest.raises(SlowDown):
        guarded.embed(["new"])
    with pytest.raises(EmbedderDown, match="left alone"):
        guarded.embed(["new"])
    assert len(model.asked) == 1


def test_only_one_call_tries_at_a_time_and_the_pause_has_an_end(clock: Clock) -> None:
    breaker = Breaker(failures=1, clock=clock)
    assert breaker.admit()
    breaker.failed()
    for _ in range(10):
        clock.now += LONGEST_PAUSE
        assert breaker.admit()
        assert not breaker.admit()
        breaker.failed()
    assert breaker.left() == LONGEST_PAUSE
    clock.now += LONGEST_PAUSE
    assert breaker.admit()
    breaker.succeeded()
    assert not breaker.open
    assert breaker.admit()
    assert breaker.admit()


def test_a_failure_now_and_then_opens_nothing(clock: Clock) -> None:
    breaker = Breaker(clock=clock)
    for _ in range(20):
        assert breaker.admit()
        breaker.failed()
        assert breaker.admit()
        breaker.succeeded()
    assert not breaker.open
