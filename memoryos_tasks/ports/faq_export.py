"""Where a tenant's FAQs are put for people to read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from memoryos_tasks.core.faq_page import Page


class FaqExport(Protocol):
    """Putting a page again replaces it.

    Raises :class:`InvalidRequest` when a setting is missing or the place refuses for good, and :class:`UpstreamError`
    when it may take the page later.
    """

    def put(self, tenant: str, page: Page) -> Mapping[str, Any]:
        """Put the page there; what says where it is, without any credential."""
