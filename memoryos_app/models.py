"""Which models this installation can name."""

from __future__ import annotations

from memoryos_app.parts import Parts
from memoryos_tasks.core.models import OFFLINE, ResolvedModel, resolve
from memoryos_tasks.core.settings import Settings


def available(settings: Settings) -> list[str]:
    """The providers that are configured."""
    llm = settings.llm
    return [OFFLINE, *(["openai"] if llm.openai_api_key or llm.openai_base_url else [])]


def resolved(parts: Parts, name: str) -> ResolvedModel:
    """The provider and model of a name. Raises :class:`ModelNotFound`."""
    return resolve(name, available(parts.settings()))


def listed(parts: Parts) -> list[str]:
    """The names that clients can choose from: ``offline`` and what the workers announced."""
    names = [name for worker in parts.watch.state.workers for name in worker.models]
    return list(dict.fromkeys([OFFLINE, *sorted(names)]))
