"""Puts the Flask application together."""

from __future__ import annotations

import os

from flask import Flask

from memoryos_app import errors, hooks
from memoryos_app import parts as wiring
from memoryos_app.api import OpenApi
from memoryos_app.parts import Parts
from memoryos_app.plane import limiting
from memoryos_app.views import admin, chat, faq, health, items, jobs, memory, metrics, models, pages, rights, transfer
from memoryos_tasks import logs
from memoryos_tasks.adapters.config.live import LiveSettings
from memoryos_tasks.core.settings import Settings


def build(settings: Settings | None, parts: Parts | None) -> Flask:
    """See :func:`memoryos_app.create_app`."""
    live = LiveSettings(os.environ) if settings is None and parts is None else None
    now = live.current if live else settings or (parts.settings() if parts else Settings())
    logs.configure(now.log)
    app = Flask("memoryos_app", static_folder=None)
    # A double slash is an empty id, and answered as one: no client follows a redirect with its body.
    app.url_map.merge_slashes = False
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config.update(
        API_TITLE="MemoryOS",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/" if now.gateway.docs else None,
        OPENAPI_JSON_PATH="openapi.json",
    )
    wiring.install(app, (lambda: live.current) if live else (lambda: now), live, parts)
    api = OpenApi(app)
    areas = (chat, memory, items, transfer, rights, jobs, models, health, admin, faq)
    for area in (each.area for each in areas):
        api.register_blueprint(area)
    app.register_blueprint(metrics.area)
    if now.gateway.docs:
        app.register_blueprint(pages.area)
    if live is not None and os.environ.get("MEMORYOS_MCP_CONFIG"):
        _plane(app, api, live)
    errors.install(app)
    hooks.install(app)
    limiting.install(app)
    return app


def _plane(app: Flask, api: OpenApi, live: LiveSettings) -> None:
    """The control plane inside the gateway; imported only where it is wanted. Raises :class:`ConfigError`."""
    from memoryos_app.plane.app import install
    from memoryos_app.plane.start import inside_gateway, keep

    starter = inside_gateway(os.environ, lambda: live.current)
    if starter is not None:
        install(app, api, starter)
        keep(app, starter)
