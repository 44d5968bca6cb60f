"""JSON read piece by piece: the parts of a document, one after the other, in bounded memory."""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from memoryos_tasks.core.errors import InvalidRequest

#: Where a part stands: the names and places that lead to it.
Path = tuple[str | int, ...]
#: Whether the parts of the container at this path are wanted one by one.
Opens = Callable[[Path], bool]

#: Longest part that is read whole, in characters.
MOST_PART = 32 * 1024 * 1024
_SPACE = " \t\n\r"


def texts(pieces: Iterable[bytes]) -> Iterator[str]:
    """The pieces as text. Raises :class:`InvalidRequest` for what is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        for piece in pieces:
            text = decoder.decode(piece)
            if text:
                yield text
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise InvalidRequest("The body is not UTF-8 text.") from error


def lines(pieces: Iterable[str]) -> Iterator[str]:
    """The lines of the text, without their ends. Raises :class:`InvalidRequest` for one that is too long."""
    rest = ""
    for piece in pieces:
        *whole, rest = (rest + piece).split("\n")
        for line in whole:
            yield line.removesuffix("\r")
        if len(rest) > MOST_PART:
            raise InvalidRequest(f"A line is longer than {MOST_PART} characters.")
    if rest:
        yield rest


def parts(pieces: Iterable[str], opens: Opens) -> Iterator[tuple[Path, Any]]:
    """The parts of one JSON document, in order: what stands in an opened container, and all else whole.

    An opened container that is empty is a part itself. Raises :class:`InvalidRequest` for what is not JSON.
    """
    reader = _Reader(pieces)
    try:
        yield from _parts(reader, (), opens)
    except RecursionError:
        raise InvalidRequest("The body is nested too deeply.") from None
    if reader.peek():
        raise reader.wrong("there is more behind the end of the document")


def parts_of(value: Any, opens: Opens, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """As :func:`parts`, of a value that was read before."""
    if isinstance(value, dict | list) and value and opens(path):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for key, each in inner:
            yield from parts_of(each, opens, (*path, key))
    else:
        yield path, value


def number(text: str) -> float:
    """A finite number: NaN and Infinity are not JSON (RFC 8259). Raises :class:`InvalidRequest`."""
    value = float(text)
    if not math.isfinite(value):
        raise InvalidRequest("The body holds a number that is not finite (NaN and Infinity are not JSON).")
    return value


DECODER = json.JSONDecoder(parse_constant=number, parse_float=number)


def _parts(reader: _Reader, path: Path, opens: Opens) -> Iterator[tuple[Path, Any]]:
    first = reader.peek()
    if first in ("{", "[") and opens(path):
        reader.take()
        closing = "}" if first == "{" else "]"
        if reader.peek() == closing:
            reader.take()
            yield path, {} if first == "{" else []
            return
        place = 0
        while True:
            key: str | int = _key(reader) if first == "{" else place
            yield from _parts(reader, (*path, key), opens)
            place += 1
            after = reader.take()
            if after == closing:
                return
            if after != ",":
                raise reader.wrong(f"expecting ',' or '{closing}'")
    else:
        yield path, reader.value()


def _key(reader: _Reader) -> str:
    if reader.peek() != '"':
        raise reader.wrong("expecting a name in double quotes")
    key = reader.value()
    if reader.take() != ":":
        raise reader.wrong("expecting ':'")
    return str(key)


class _Reader:
    """A window of the text that has not been read yet."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = iter(pieces)
        self._text = ""
        self._at = 0
        self._before = 0

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _SPACE:
                    return self._text[self._at]
                self._at += 1
            if not self._fill(1):
                return ""

    def take(self) -> str:
        """The next character that is no space, read away; empty at the end."""
        found = self.peek()
        self._at += len(found)
        return found

    def value(self) -> Any:
        """The value that stands here. Raises :class:`InvalidRequest`."""
        if not self.peek():
            raise self.wrong("the document ends too early")
        while True:
            known = len(self._text) - self._at
            try:
                value, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # It may be cut here: twice as much is looked at, so that a long value is not read again and again.
                if known > MOST_PART or not self._fill(max(known, 1)):
                    self._at = error.pos
                    raise self.wrong(error.msg) from None
                continue
            except ValueError:
                raise self.wrong("a number is too long to read") from None
            if end == len(self._text) and isinstance(value, int | float) and self._fill(1):
                continue  # A number that is cut looks whole.
            self._at = end
            return value

    def _fill(self, count: int) -> bool:
        """Read at least ``count`` more characters; False when there are none."""
        self._before += self._at
        pieces, got = [self._text[self._at :]], 0
        while got < count and (piece := next(self._pieces, "")):
            pieces.append(piece)
            got += len(piece)
        self._text, self._at = "".join(pieces), 0
        return got > 0

    def wrong(self, why: str) -> InvalidRequest:
        place = self._before + self._at
        return InvalidRequest(f"The body is not valid JSON: {why} at character {place}.")
