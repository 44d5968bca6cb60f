"""The health calls: is the process alive, is the stack ready, what is up."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from memoryos_app.api import Area, gives, route
from memoryos_app.parts import parts
from memoryos_app.watch import State
from memoryos_tasks.core.settings import Settings

area = Area("health", __name__, description="Health")


@route(area, "/health/live")
@gives(area, 200, says="The process answers.")
def live() -> Response:
    """Is the process alive"""
    return jsonify({"status": "live"})


@route(area, "/health/ready")
@gives(area, 200, says="Every queue has a warm consumer.")
@gives(area, 503, says="Something is missing; `missing` names it.")
def ready() -> Response:
    """Is the stack ready"""
    missing = _missing(parts().settings(), parts().watch.state)
    response = jsonify({"status": "not_ready" if missing else "ready", "missing": missing})
    response.status_code = 503 if missing else 200
    if missing:
        response.headers["Retry-After"] = "1"
    return response


@route(area, "/health")
@gives(area, 200, says="What is up.")
def health() -> Response:
    """What is up, in short"""
    return _status()


@route(area, "/health/status")
@gives(area, 200, says="`mode` is `ready`, `degraded_ready` or `not_ready`.")
def status() -> Response:
    """What is up"""
    return _status()


def _status() -> Response:
    state = parts().watch.state
    return jsonify(
        {
            "mode": state.mode,
            "status": state.status,
            "redis": _up(state.truth and state.traffic),
            "qdrant": _up(state.vectors),
            "workers": len(state.workers),
            "detail": {
                "truth": _up(state.truth),
                "traffic": _up(state.traffic),
                "missing": _missing(parts().settings(), state),
                "workers": [_worker(worker) for worker in state.workers],
            },
        }
    )


def _missing(settings: Settings, state: State) -> list[str]:
    stores = [name for name, up in (("truth", state.truth), ("traffic", state.traffic)) if not up]
    return stores + [
        f"a warm worker for the queue {queue!r}" for queue in _needed(settings) if queue not in state.served
    ]


def _needed(settings: Settings) -> tuple[str, ...]:
    """The embedded vector store has an owner with a queue of its own; a server needs none, nor does no store."""
    return ("chat", "memory", "maintenance", *(("vectors",) if _embedded(settings) else ()))


def _embedded(settings: Settings) -> bool:
    return not settings.vectors.url and settings.vectors.engine != "none"


def _up(up: bool) -> str:
    return "up" if up else "down"


def _worker(worker: Any) -> dict[str, Any]:
    return {
        "name": worker.name,
        "pid": worker.pid,
        "queues": list(worker.queues),
        "warm": worker.warm,
        "vectors": worker.vectors,
    }
