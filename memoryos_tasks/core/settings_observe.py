"""The settings of what the model control plane records of its inferences, and of when their number is odd."""

from __future__ import annotations

from dataclasses import dataclass

from memoryos_tasks.core.plane.anomalies import Rules
from memoryos_tasks.core.spec import setting


@dataclass(frozen=True, slots=True)
class Observe:
    """What is kept of inferences of the control plane (lengths, times, outcomes; no text), and what counts as odd."""

    minute_hours: int = setting(
        26, "Hours for which figures are kept by the minute; reports on a day and less are made of them.",
        low=1, high=744, restart=True)
    days: int = setting(90, "Days for which they are kept by the hour.", low=1, high=3660, restart=True)
    rows: int = setting(
        10_000, "Newest inferences that are kept one by one, each with its user; 0: none.",
        low=0, high=1000000, restart=True)
    row_hours: int = setting(168, "Hours for which they are kept.", low=1, high=8760, restart=True)
    norm_days: float = setting(
        7.0, "Days for which the usual number of requests of a user or address is remembered unused.",
        low=0.01, high=365, restart=True)
    floor: int = setting(
        60, "Requests in a minute of one user or address that are never odd.", low=1, high=1000000)
    newcomer_floor: int = setting(
        600, "The same for a user or address seen in fewer than 5 minutes so far.", low=1, high=10000000)
    deviations: float = setting(
        6.0, "A minute is odd when it is so many deviations above what is usual for its user or address,",
        low=1, high=100)
    times: float = setting(3.0, "and so many times as much.", low=1, high=1000)
    auth_failures: int = setting(
        10, "Failed authentications from one address within 5 minutes that are odd.", low=1, high=1000000)

    @property
    def rules(self) -> Rules:
        """The rules of anomalies."""
        return Rules(self.floor, self.newcomer_floor, deviations=self.deviations, times=self.times,
                     auth_failures=self.auth_failures)
