"""How busy a node is."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """Figures of one machine and of the process that looked; None where they cannot be had.

    ``cpu`` is the share of all processors' time that was used lately, ``load`` the number of programs that wanted one
    over the last minute, ``memory`` the share of the machine's (or the container's) memory in use, ``process_memory``
    the process' resident memory in bytes.
    """

    cpus: int
    cpu: float | None = None
    load: float | None = None
    memory: float | None = None
    process_memory: int | None = None

    def described(self) -> dict[str, int | float | None]:
        """The figures as they stand in a node's status; shares with three digits."""
        row: dict[str, int | float | None] = asdict(self)
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()}
