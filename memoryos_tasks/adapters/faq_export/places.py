"""The places that FAQs can be exported to, by name."""

from __future__ import annotations

from collections.abc import Mapping

from memoryos_tasks.adapters.faq_export.confluence import ConfluenceExport
from memoryos_tasks.adapters.faq_export.markdown import MarkdownExport
from memoryos_tasks.adapters.faq_export.s3 import S3Export
from memoryos_tasks.core.settings_faq import Faq as Options
from memoryos_tasks.ports.faq_export import FaqExport


def places(options: Options) -> Mapping[str, FaqExport]:
    """Made of the settings in force; what is missing in them is said when a place is used."""
    return {"markdown": MarkdownExport(), "s3": S3Export(options), "confluence": ConfluenceExport(options)}
