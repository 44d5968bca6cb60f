"""The document itself, as the job's result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memoryos_tasks.core.faq_page import Page


class MarkdownExport:
    """See :class:`memoryos_tasks.ports.faq_export.FaqExport`; it puts nothing anywhere."""

    def put(self, tenant: str, page: Page) -> Mapping[str, Any]:
        """The document under ``document``."""
        return {"document": page.markdown()}
