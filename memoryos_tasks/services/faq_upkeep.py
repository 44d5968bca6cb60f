"""Which questions become FAQs and which cease to be: a bounded look at those that are due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from memoryos_tasks.core.errors import EmbedderDown
from memoryos_tasks.core.faq_heat import Bounds, Stats, agreement, frequent, heat, likeness, qualifies
from memoryos_tasks.core.settings_faq import Faq as Options
from memoryos_tasks.ports.embedder import Embedder
from memoryos_tasks.ports.faq import Sample, Shelf, Unit

#: Questions that one round looks at.
ROUND = 50
#: Seconds until the next look at an FAQ or a candidate, and at any other question that is not asked again.
SOON, LATER = 3600.0, 86_400.0
#: Who demotes and promotes here.
BEAT = "beat"


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did."""

    looked: int = 0
    promoted: int = 0
    demoted: int = 0


class FaqUpkeep:
    """Heat, promotion and demotion, driven by beat."""

    def __init__(
        self, shelf: Shelf, embedder: Embedder, options: Callable[[], Options], clock: Callable[[], float]
    ) -> None:
        self._shelf = shelf
        self._embedder = embedder
        self._options = options
        self._clock = clock

    def round(self) -> Round:
        """Look at what is due, at most :data:`ROUND` questions. Raises :class:`TruthDown` and :class:`VaultDown`."""
        options = self._options()
        done = Round()
        if not options.enabled:
            return done
        for tenant, id in self._shelf.due(count=ROUND):
            action = self._look(tenant, self._shelf.unit(tenant, id), options)
            done = Round(done.looked + 1, done.promoted + (action == "promoted"), done.demoted + (action == "demoted"))
        return done

    def _look(self, tenant: str, unit: Unit, options: Options) -> str:
        bounds = bounds_of(options)
        stats = self._stats(unit, bounds)
        if not stats.asks and not unit.live:
            self._shelf.drop(tenant, unit.id)
            return "dropped"
        if unit.live:
            if stats.heat < bounds.cold and not unit.by_hand:
                self._shelf.looked(tenant, unit.id, stats, candidate=False, again=LATER)
                return "demoted" if self._shelf.demote(tenant, unit.id, by=BEAT, hold=False) else ""
            self._shelf.looked(tenant, unit.id, stats, candidate=False, again=SOON)
            return ""
        fit = qualifies(stats, bounds)
        self._shelf.looked(tenant, unit.id, stats, candidate=fit, again=SOON if fit else LATER)
        best = next((sample for sample in unit.samples if sample.place == stats.best), None)
        if not fit or best is None or unit.held or not options.auto_promote:
            return ""
        return "promoted" if self._shelf.promote(tenant, unit, best, by=BEAT) else ""

    def _stats(self, unit: Unit, bounds: Bounds) -> Stats:
        today = int(self._clock() // 86_400)
        asks = sum(count for day, count in unit.asks.items() if today - day < bounds.window_days)
        stats = Stats(asks, heat(unit.asks, today, bounds.window_days), unit.users)
        samples = [sample for sample in unit.samples if sample.answer]
        if not samples or not (unit.live or frequent(stats, bounds)):
            return stats
        return self._compared(stats, samples)

    def _compared(self, stats: Stats, samples: list[Sample]) -> Stats:
        """With how like one another wordings and answers are; without it while the embedder is away."""
        questions, answers = [sample.question for sample in samples], [sample.answer for sample in samples]
        try:
            vectors = self._embedder.embed([*questions, *answers])
        except EmbedderDown:
            return stats
        wording = likeness(vectors[: len(samples)])
        agreed, best = agreement(answers, vectors[len(samples) :])
        return replace(stats, answers=len(samples), wording=wording, agreement=agreed, best=samples[best].place)


def bounds_of(options: Options) -> Bounds:
    """The bounds of the settings in force."""
    return Bounds(
        asks=options.min_asks,
        heat=options.min_heat,
        window_days=options.window_days,
        similarity=options.min_similarity,
        answers=options.min_answers,
        users=options.min_users,
        cold=options.cold_heat,
    )
