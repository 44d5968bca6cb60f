"""An in-memory stand-in for the shelf of FAQs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b

from memoryos_tasks.core.errors import NotFound, TruthDown
from memoryos_tasks.core.events import Owner
from memoryos_tasks.core.faq_heat import Stats
from memoryos_tasks.ports.faq import Ask, Faq, Row, Sample, State, Step, Totals, Unit


class FakeFaqs:
    """``live`` and ``units`` by (tenant, id); ``noted`` holds what was counted."""

    def __init__(self) -> None:
        self.down = False
        self.live: dict[tuple[str, str], Faq] = {}
        self.units: dict[tuple[str, str], Unit] = {}
        self.stats: dict[tuple[str, str], Stats] = {}
        self.candidates: dict[tuple[str, str], float] = {}
        self.held: set[tuple[str, str]] = set()
        self.steps: list[tuple[str, Step]] = []
        self.noted: list[Ask] = []
        self.found = 0

    def _reach(self) -> None:
        if self.down:
            raise TruthDown(retry_after=1)

    def identity(self, tenant: str, gist: Sequence[str], scope: str | None) -> str:
        return f"faq_{blake2b(repr((tenant, tuple(gist), scope)).encode(), digest_size=12).hexdigest()}"

    def find(self, tenant: str, gist: Sequence[str], scope: str) -> tuple[Faq | None, int]:
        self._reach()
        self.found += 1
        ids = [self.identity(tenant, gist, one) for one in (scope, None)]
        hit = next((self.live[tenant, id] for id in ids if (tenant, id) in self.live), None)
        return hit, sum(place[0] == tenant for place in self.live)

    def note(self, asks: Sequence[Ask], *, watch_from: int, most: int) -> None:
        self._reach()
        self.noted += asks

    def due(self, *, count: int) -> list[tuple[str, str]]:
        self._reach()
        return list(self.units)[:count]

    def unit(self, tenant: str, id: str) -> Unit:
        self._reach()
        kept = self.units.get((tenant, id), Unit(id, {}, 0, ()))
        return replace(kept, live=(tenant, id) in self.live, held=(tenant, id) in self.held)

    def looked(self, tenant: str, id: str, stats: Stats, *, candidate: bool, again: float) -> None:
        self.stats[tenant, id] = stats
        self.candidates.pop((tenant, id), None)
        if candidate:
            self.candidates[tenant, id] = stats.heat

    def promote(self, tenant: str, unit: Unit, sample: Sample, *, by: str) -> bool:
        self._reach()
        if sample not in self.unit(tenant, unit.id).samples:
            return False
        self._shelve(tenant, Faq(unit.id, sample.question, sample.answer, sample.user, at=1.0), "promoted", by)
        return True

    def write(self, tenant: str, faq: Faq, *, by: str) -> None:
        self._reach()
        self._shelve(tenant, replace(faq, at=1.0), "written", by)

    def _shelve(self, tenant: str, faq: Faq, action: str, by: str) -> None:
        self.live[tenant, faq.id] = faq
        self.candidates.pop((tenant, faq.id), None)
        self.held.discard((tenant, faq.id))
        self.steps.insert(0, (tenant, Step(1.0, faq.id, action, by)))

    def demote(self, tenant: str, id: str, *, by: str, hold: bool) -> bool:
        self._reach()
        if self.live.pop((tenant, id), None) is None:
            return False
        if hold:
            self.held.add((tenant, id))
        self.steps.insert(0, (tenant, Step(1.0, id, "demoted", by)))
        return True

    def drop(self, tenant: str, id: str) -> None:
        self.units.pop((tenant, id), None)

    def rows(self, tenant: str, state: State, *, start: int, count: int) -> tuple[list[Row], int]:
        self._reach()
        places = [place for place in (self.live if state is State.LIVE else self.candidates) if place[0] == tenant]
        return [self.row(*place) for place in places[start : start + count]], len(places)

    def row(self, tenant: str, id: str) -> Row:
        self._reach()
        stats = self.stats.get((tenant, id), Stats())
        if (tenant, id) in self.live:
            return Row(id, State.LIVE, stats, 0, self.live[tenant, id])
        if (tenant, id) not in self.candidates:
            raise NotFound(f"There is no FAQ and no candidate {id!r}.", param="id")
        samples = self.unit(tenant, id).samples
        best = next((sample for sample in samples if sample.place == stats.best), None)
        return Row(id, State.CANDIDATE, stats, 0, Faq(id, best.question, best.answer, best.user) if best else None)

    def totals(self, tenant: str) -> Totals:
        self._reach()
        counts = (sum(place[0] == tenant for place in places) for places in (self.live, self.candidates, self.units))
        return Totals(*counts, 0)

    def history(self, tenant: str, id: str | None, *, count: int) -> list[Step]:
        self._reach()
        return [step for whose, step in self.steps if whose == tenant and id in (None, step.id)][:count]

    def forget(self, owner: Owner) -> int:
        self._reach()
        return 0
