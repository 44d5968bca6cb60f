"""The configuration file of supervisord for a list of programs."""

from __future__ import annotations

import re
import resource
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from memoryos_app.stack import leash
from memoryos_app.stack.datadir import DataDir
from memoryos_app.stack.program import Program
from memoryos_tasks.core.errors import ConfigError

#: A start that lasts this long (seconds) counts as good; an earlier end is met with a growing pause.
START_SECONDS = 1
#: Groups with a higher priority stop first: the stores outlive those who write to them.
_PRIORITY = {"redis": 1, "app": 2}


def configuration(data: DataDir, programs: Sequence[Program]) -> str:
    """The text of the file. Raises :class:`ConfigError` for a path that such a file cannot hold."""
    blocks = [_block("supervisord", _supervisord(data))]
    for group in _PRIORITY:
        names = [each.name for each in programs if each.group == group]
        if names:
            lines = [f"programs={','.join(names)}", f"priority={_PRIORITY[group]}"]
            blocks.append(_block(f"group:{group}", lines))
    blocks += [_block(f"program:{each.name}", _program(data, each)) for each in programs]
    return "\n".join(blocks)


def _block(title: str, lines: Iterable[str]) -> str:
    return f"[{title}]\n" + "\n".join(lines) + "\n"


def _supervisord(data: DataDir) -> Iterator[str]:
    yield f"logfile={_path(data.log('supervisor'))}"
    yield f"pidfile={_path(data.path / 'supervisor.pid')}"
    yield f"childlogdir={_path(data.path / 'logs')}"
    yield "logfile_maxbytes=5MB"
    yield "logfile_backups=1"
    yield "nodaemon=true"
    yield "silent=true"
    yield "umask=077"
    yield f"minfds={min(4096, _hard_limit())}"


def _program(data: DataDir, program: Program) -> Iterator[str]:
    tied = (sys.executable, "-I", "-S", str(Path(leash.__file__)), *program.argv)
    yield f"command={_command(tied)}"
    yield "autorestart=true"
    yield f"startsecs={START_SECONDS}"
    # With fewer, supervisord gives a program up for good (FATAL) after so many quick deaths.
    yield f"startretries={2**31}"
    yield f"stopwaitsecs={program.stop_seconds}"
    yield "killasgroup=true"
    yield "redirect_stderr=true"
    yield f"stdout_logfile={_path(data.log(program.name))}"
    yield "stdout_logfile_maxbytes=10MB"
    yield "stdout_logfile_backups=3"


def _command(argv: Sequence[str]) -> str:
    return _plain(shlex.join(argv)).replace("%", "%%")


def _path(path: Path) -> str:
    """A path as supervisord reads it; it expands ``%`` in the names of log files twice, so none may stand there."""
    if "%" in str(path):
        raise ConfigError(f"data_dir: {path} has a '%', which cannot be used. Choose another --data-dir.")
    return _plain(str(path))


def _plain(text: str) -> str:
    if re.search(r"[\r\n]|\s[;#]", text):
        raise ConfigError(f"{text!r}: a path with a line break, or a blank before ';' or '#', cannot be used. "
                          "Choose another --data-dir or move the installation.")
    return text


def _hard_limit() -> int:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 4096 if hard == resource.RLIM_INFINITY else hard
