"""The plane as an application of its own, and as a part of the gateway's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from memoryos_app import errors, hooks
from memoryos_app import parts as wiring
from memoryos_app.api import OpenApi
from memoryos_app.parts import Parts, parts
from memoryos_app.plane import limiting, views
from memoryos_app.plane import watching as _watching  # noqa: F401
from memoryos_app.plane.app_parts import PlaneParts, hold, wired
from memoryos_app.views import health
from memoryos_tasks.core.settings import Settings

#: A plane that runs: ``live``, ``registry``, ``node``; or, in tests, the parts themselves.
Running = Callable[[], Any]


def create_plane_app(
    plane: Running, settings: Callable[[], Settings], *, parts: Parts | None = None, prefix: str = ""
) -> Flask:
    """The WSGI application of a plane alone; ``prefix`` stands before all of its paths.

    ``plane`` and the connections are made on the first request of each process, so that it may be forked before.
    """
    app = Flask("memoryos_app.plane", static_folder=None)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config.update(API_TITLE="MemoryOS control plane", API_VERSION="v1", OPENAPI_VERSION="3.1.0",
                      OPENAPI_URL_PREFIX=prefix or "/", OPENAPI_JSON_PATH="openapi.json")
    wiring.install(app, settings, None, parts)
    api = OpenApi(app)
    install(app, api, plane, prefix=prefix)
    api.register_blueprint(health.area, url_prefix=prefix or None)
    app.register_blueprint(views.numbers, url_prefix=prefix or None)
    errors.install(app)
    hooks.install(app)
    return app


def install(app: Flask, api: OpenApi, plane: Running, *, prefix: str = "") -> None:
    """Add the plane's calls to an application, which may be the gateway's."""
    hold(app, lambda: _made(plane()))
    for area in (views.area, views.probes):
        api.register_blueprint(area, url_prefix=prefix or None)
    limiting.tell(app)


def _made(running: Any) -> PlaneParts:
    return running if isinstance(running, PlaneParts) else wired(running, parts().settings())
