"""The gateway: HTTP in, HTTP out. It validates, authenticates, journals, enqueues and relays.

It never imports a model client, a vector store or an embedder; workers do that work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from memoryos_app.parts import Parts
    from memoryos_tasks.core.settings import Settings


def create_app(settings: Settings | None = None, *, parts: Parts | None = None) -> Flask:
    """The WSGI application. Settings come from the configuration unless given; tests give ``parts`` as well.

    Raises :class:`memoryos_tasks.core.errors.ConfigError` when the configuration is not valid. Connections
    and threads are made on the first request of each process, so that it may be forked before.
    """
    from memoryos_app.app import build

    return build(settings, parts)
