"""Ties a process to its parent: when the parent dies, even by SIGKILL, the kernel kills the child.

As a script it ties itself and becomes another program: ``python leash.py PROGRAM ARGUMENT...``; the parent
is the process that ``MEMORYOS_SUPERVISOR_PID`` names. Nothing but the standard library is imported, since this
runs before each start of a child.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

#: From linux/prctl.h: the signal that the kernel sends when the parent ends; kept over exec, not over fork.
PR_SET_PDEATHSIG = 1
PARENT = "MEMORYOS_SUPERVISOR_PID"


def tie(parent: int) -> None:
    """Die with ``parent``; exits at once if it is already gone."""
    prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
    if prctl is not None and prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    tie(int(os.environ[PARENT]))
    os.execvp(sys.argv[1], sys.argv[1:])
