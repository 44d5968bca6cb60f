"""One raw value from a file or the environment to a setting's type, or the reason why not."""

from __future__ import annotations

import math
from dataclasses import MISSING, Field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from memoryos_tasks.core.spec import Spec

_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}
_MADE_OF = {bool: "true or false", int: "a whole number", float: "a number", str: "a string", Path: "a path"}


class Wrong(ValueError):
    """A value that a setting cannot take: the problem and the fix, without the key."""


def spec_of(field: Field[Any]) -> Spec:
    """The :class:`Spec` that a settings field carries."""
    spec = field.metadata["spec"]
    assert isinstance(spec, Spec)
    return spec


def take(field: Field[Any], raw: object, *, text: bool) -> Any:
    """``raw`` as ``field`` wants it; ``text`` says that it is an environment string. Raises :class:`Wrong`."""
    assert field.default is not MISSING
    spec = spec_of(field)
    shown = "the value" if spec.secret else repr(raw)
    value = _typed(type(field.default), raw, text, shown)
    _check(spec, value, shown)
    return value


def _typed(kind: type, raw: object, text: bool, shown: str) -> Any:
    kind = Path if issubclass(kind, Path) else kind
    wrong = Wrong(f"{shown} is not {_MADE_OF[kind]}. Give {_MADE_OF[kind]}.")
    if kind is Path:
        if not isinstance(raw, str) or not raw:
            raise wrong
        return Path(raw)
    if text and isinstance(raw, str):
        return _from_text(kind, raw, wrong)
    if kind is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    if type(raw) is not kind:
        raise wrong
    return raw


def _from_text(kind: type, raw: str, wrong: Wrong) -> Any:
    if kind is str:
        return raw
    if kind is bool:
        word = raw.strip().lower()
        if word not in _TRUE | _FALSE:
            raise wrong
        return word in _TRUE
    try:
        return kind(raw)
    except ValueError:
        raise wrong from None


def _check(spec: Spec, value: Any, shown: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise Wrong(f"{shown} is not a finite number. Give a finite one.")
    if spec.low is not None and value < spec.low:
        raise Wrong(f"{shown} is too small. Give {spec.low:g} or more.")
    if spec.high is not None and value > spec.high:
        raise Wrong(f"{shown} is too large. Give {spec.high:g} or less.")
    if spec.choices and value not in spec.choices:
        raise Wrong(f"{shown} is none of its choices. Give one of: {', '.join(spec.choices)}.")
    if spec.nonempty and not str(value).strip():
        raise Wrong("it is empty. Give a value or remove the key.")
    if isinstance(value, str) and any(ord(c) < 32 or ord(c) == 127 for c in value):
        raise Wrong("it contains control characters. Remove them.")
    if spec.schemes and value:
        _check_url(spec, value, shown)


def _check_url(spec: Spec, value: str, shown: str) -> None:
    try:
        parts = urlsplit(value)
        named = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        parts, named = urlsplit(""), False
    if parts.scheme == "sentinel":
        raise Wrong("Sentinel is not supported yet. Give the URL of the Redis server itself.")
    if parts.scheme not in spec.schemes or not named:
        wanted = " or ".join(f"{scheme}://" for scheme in spec.schemes)
        raise Wrong(f"{shown} is not such a URL. Give one that starts with {wanted} and names a host.")
