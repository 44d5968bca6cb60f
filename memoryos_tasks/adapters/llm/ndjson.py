"""Newline-delimited JSON: bytes in, lines out, each as soon as its newline is here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from memoryos_tasks.core.errors import UpstreamError

#: The largest line that is read, in bytes.
MAX_LINE = 8 * 1024 * 1024


def lines(chunks: Iterable[bytes], *, max_line: int = MAX_LINE) -> Iterator[bytes]:
    """The lines in ``chunks``, cut anywhere; empty ones are left out, and the last one needs no newline.

    Raises :class:`UpstreamError` for a line longer than ``max_line`` bytes.
    """
    begun: list[bytes] = []  # the pieces of the line that has not ended yet
    size = 0
    for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            line = b"".join([*begun, piece]).strip()
            begun, size = [], 0
            _check(len(line), max_line)
            if line:
                yield line
        if rest:
            begun.append(rest)
            size += len(rest)
            _check(size, max_line)
    if last := b"".join(begun).strip():
        yield last


def _check(size: int, most: int) -> None:
    if size > most:
        raise UpstreamError(f"The model provider sent a line of more than {most} bytes.")
