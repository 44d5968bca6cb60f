"""The parts of a worker that answer without a model; :mod:`memoryos_tasks.bootstrap` puts them among the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import redis

from memoryos_tasks.adapters.config.live import LiveSettings
from memoryos_tasks.adapters.faq_export.places import places
from memoryos_tasks.adapters.redis.faq import RedisFaqs
from memoryos_tasks.ports.codec import Codec
from memoryos_tasks.ports.embedder import Embedder
from memoryos_tasks.ports.remains import Remains
from memoryos_tasks.ports.vault import Vault
from memoryos_tasks.services.faq import Faqs
from memoryos_tasks.services.faq_alike import Alike
from memoryos_tasks.services.faq_exporting import FaqExporting
from memoryos_tasks.services.faq_forgetting import FaqForgetting
from memoryos_tasks.services.faq_upkeep import FaqUpkeep
from memoryos_tasks.soon import Soon

#: Seconds until asks are counted: well under what an erasure waits for what is on its way.
COUNT_SECONDS = 0.3


@dataclass(frozen=True)
class FaqParts:
    """Tier 0 beside a chat, what beat does, exports, and what an erasure does."""

    faqs: Faqs
    upkeep: FaqUpkeep
    exporting: FaqExporting
    forgetting: FaqForgetting


def faq_parts(
    live: LiveSettings,
    truth: redis.Redis,
    codec: Codec,
    vault: Vault,
    remains: Remains,
    embedder: Embedder,
    sensitive: Callable[[str], bool],
) -> FaqParts:
    """Wire them; opens no connection. ``sensitive`` tells texts of which nothing is kept to be shared."""
    shelf = RedisFaqs(truth, codec, vault.secret)
    counted = Soon(lambda: faqs.flush(), delay=COUNT_SECONDS)
    faqs = Faqs(shelf, lambda: live.current.faq, alike=Alike(embedder), sensitive=sensitive, later=counted.ask)
    return FaqParts(
        faqs,
        FaqUpkeep(shelf, embedder, lambda: live.current.faq, time.time),
        FaqExporting(shelf, lambda: places(live.current.faq)),
        FaqForgetting(shelf, remains, vault),
    )
