"""What the nodes say of themselves, and how busy they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from memoryos_app.parts import Parts
from memoryos_app.plane.app_parts import PlaneParts
from memoryos_tasks.core.errors import Unavailable


def status(here: PlaneParts, stack: Parts) -> dict[str, Any]:
    """Every node with its figures (null for one that was not heard of lately), the workers' figures, and how many
    messages wait in each queue. What cannot be asked now is empty."""
    try:
        figures = {name: each.described() for name, each in here.observed.figures().items()}
    except Unavailable:
        figures = {}
    nodes = [{**asdict(node), "figures": figures.pop(node.id, None)} for node in here.nodes()]
    return {"nodes": nodes, "workers": figures, "queues": _queues(stack)}


def _queues(stack: Parts) -> Mapping[str, int]:
    try:
        return dict(stack.backlog().messages)
    except Exception:
        return {}  # It asks both stores; /mcp/health says which is away.
