"""What a check found, and how it is told."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import click


class Level(Enum):
    """``WARN`` is worth a look and stops nothing; a ``FAULT`` is in the way."""

    OK = "ok"
    WARN = "warn"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Check:
    """One line: what was looked at, and what was found; for anything but OK also what to do."""

    level: Level
    what: str
    said: str


def ok(what: str, said: str) -> Check:
    """All is well."""
    return Check(Level.OK, what, said)


def warn(what: str, said: str) -> Check:
    """Something is worth a look."""
    return Check(Level.WARN, what, said)


def fault(what: str, said: str) -> Check:
    """Something is in the way."""
    return Check(Level.FAULT, what, said)


def tell(checks: Iterable[Check]) -> bool:
    """Print each check as it comes, faults to standard error; whether there was no fault."""
    good = True
    for check in checks:
        good = good and check.level is not Level.FAULT
        # What a server says may come in lines; a fault is one.
        said = " ".join(check.said.split())
        click.echo(f"{check.level.value:6}{check.what:14}{said}", err=check.level is Level.FAULT)
        sys.stdout.flush()
    return good
