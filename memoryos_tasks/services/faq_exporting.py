"""The job that puts a tenant's FAQs where people read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from memoryos_tasks.core.errors import InvalidRequest
from memoryos_tasks.core.faq_page import Page
from memoryos_tasks.ports.faq import Shelf, State
from memoryos_tasks.ports.faq_export import FaqExport
from memoryos_tasks.ports.ledger import Job
from memoryos_tasks.services.work import Made, Progress

#: FAQs read in one step, and exported at most.
STEP, MOST = 200, 20_000

#: The places by name, made of the settings in force.
Places = Callable[[], Mapping[str, FaqExport]]


class FaqExporting:
    """Reads the shelf whole; ``{"tenant", "to"}`` of the request say whose and where to."""

    def __init__(self, shelf: Shelf, places: Places) -> None:
        self._shelf = shelf
        self._places = places

    def run(self, job: Job, progress: Progress) -> Made:
        """The receipt: ``{"to", "tenant", "count", …}`` and what the place says. Raises as :class:`FaqExport` does."""
        tenant, to = str(job.request.get("tenant") or job.owner.tenant), str(job.request.get("to"))
        place = self._places().get(to)
        if place is None:
            raise InvalidRequest(f"There is no export to {to!r}.", param="to")
        pairs = self._pairs(tenant, progress)
        told = place.put(tenant, Page(f"FAQ ({tenant})", pairs))
        return Made({"count": len(pairs)}, {"to": to, "tenant": tenant, "count": len(pairs), **told})

    def _pairs(self, tenant: str, progress: Progress) -> tuple[tuple[str, str], ...]:
        found: list[tuple[str, str]] = []
        for start in range(0, MOST, STEP):
            rows, total = self._shelf.rows(tenant, State.LIVE, start=start, count=STEP)
            found += [(row.faq.question, row.faq.answer) for row in rows if row.faq is not None]
            progress(min(start + STEP, total), max(total, 1))
            if start + STEP >= total:
                break
        return tuple(found)
