"""A doorbell whose rings are noted, and may be answered by a script."""

from __future__ import annotations

from collections.abc import Callable

from memoryos_tasks.core.errors import TrafficDown

#: What a scripted worker does with a ring: (task, args, task_id).
Script = Callable[[str, tuple[str, ...], str], None]


class FakeDoorbell:
    """Notes each ring and runs ``answer``, the scripted worker, before it returns. ``down``: unreachable."""

    def __init__(self) -> None:
        self.rings: list[tuple[str, tuple[str, ...], str]] = []
        self.answer: Script = lambda task, args, task_id: None
        self.down = False

    def ring(
        self,
        task: str,
        args: tuple[str, ...],
        *,
        queue: str,
        task_id: str,
        request_id: str,
        expires: float | None = None,
    ) -> None:
        if self.down:
            raise TrafficDown(retry_after=1)
        self.rings.append((task, args, queue))
        self.answer(task, args, task_id)
