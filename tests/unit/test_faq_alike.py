"""From which cosine an embedder may say that two questions are one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from memoryos_tasks.adapters.embedding.static import StaticEmbedder
from memoryos_tasks.core.errors import EmbedderDown
from memoryos_tasks.core.faq_calibration import LOOK_ALIKES, NEVER, SAME, threshold
from memoryos_tasks.core.faq_form import form
from memoryos_tasks.services.faq_alike import Alike


class Model:
    """Cosine of the first to the second text of a pair: one figure for look-alikes, another for the same."""

    dimensions = 2
    name = "openai:model"

    def __init__(self, look_alikes: float, same: float) -> None:
        self._cosine = {text: look_alikes for _, text in LOOK_ALIKES} | {text: same for _, text in SAME}
        self.asked = 0
        self.down = False

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked += 1
        if self.down:
            raise EmbedderDown
        return [self._one(self._cosine.get(text, 1.0)) for text in texts]

    def _one(self, cosine: float) -> list[float]:
        return [cosine, (1 - cosine**2) ** 0.5]


ONE, OTHER = SAME[0]


def now(work: Callable[[], None]) -> None:
    work()


def test_the_threshold_lies_above_every_look_alike() -> None:
    assert threshold([0.8, 0.9, 0.7], [0.95, 0.99, 0.98]) == pytest.approx(0.905)
    assert threshold([0.8, 0.97], [0.95, 0.96, 0.99]) == NEVER
    assert threshold([0.5], [0.505, 0.2]) == NEVER


def test_a_model_that_parts_the_pairs_is_believed_once_it_was_measured() -> None:
    model = Model(0.9, 0.97)
    waiting: list[Callable[[], None]] = []
    alike = Alike(model, waiting.append)
    # While it is measured nothing is the same
    assert not alike(ONE, OTHER)
    assert not alike(ONE, OTHER)
    [measure] = waiting
    measure()
    assert alike(ONE, OTHER)
    assert not alike(*LOOK_ALIKES[0])


def test_a_model_that_does_not_is_never_asked_again() -> None:
    model = Model(0.97, 0.95)
    alike = Alike(model, now)
    assert not alike(ONE, OTHER)
    assert not alike(ONE, OTHER)
    assert model.asked == 1


def test_while_the_model_is_away_nothing_is_the_same() -> None:
    model = Model(0.9, 0.97)
    model.down = True
    alike = Alike(model, now)
    assert not alike(ONE, OTHER)
    model.down = False
    alike.measure()
    assert alike(ONE, OTHER)
    model.down = True
    assert not alike(ONE, OTHER)


def test_word_vectors_are_never_asked() -> None:
    embedder = StaticEmbedder()
    began: list[Callable[[], None]] = []
    assert not Alike(embedder, began.append)(ONE, ONE)
    assert began == []


def test_the_pairs_are_what_they_say() -> None:
    assert all(form(one).gist != form(other).gist for one, other in LOOK_ALIKES)
    assert all(form(one).gist == form(other).gist and one != other for one, other in SAME)
