"""One raw value of the plane's configuration to its key's type, or the reason why not."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from memoryos_tasks.core.plane.config_knob import Kind, Knob

_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_NAMES: Mapping[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
#: How a secret names an environment variable that holds it.
REFERENCE = "env:"


class Wrong(ValueError):
    """A value that a key cannot take: the problem and the fix, without the key."""


def take(knob: Knob, kind: type, raw: object, *, text: bool, environ: Mapping[str, str] | None) -> Any:
    """``raw`` as the key wants it. ``text``: it comes from the environment, where all is text.

    ``environ`` is where ``env:NAME`` is looked up; None refuses such a reference. Raises :class:`Wrong`.
    """
    shown = "the value" if knob.secret else _short(raw)
    if raw is None and kind is str:
        raw = ""
    if knob.secret and isinstance(raw, str) and raw.startswith(REFERENCE):
        raw = _referred(raw.removeprefix(REFERENCE).strip(), environ)
    value = _typed(knob, kind, raw, text, shown)
    if knob.choices and isinstance(value, str) and value.lower() in knob.choices:
        value = value.lower()  # As in 'level: INFO'.
    _check(knob, value, shown)
    return value


def _typed(knob: Knob, kind: type, raw: object, text: bool, shown: str) -> Any:
    if knob.kind is Kind.DURATION:
        return _duration(raw, shown)
    if knob.kind is Kind.LIST:
        return _list(raw, shown)
    named = _NAMES[kind]
    hint = " Put it in quotes." if kind is str and not isinstance(raw, list | dict) else ""
    wrong = Wrong(f"{shown} is not {named}.{hint or f' Give {named}.'}")
    if text and isinstance(raw, str):
        return _from_text(kind, raw, wrong)
    if kind is float and type(raw) is int:
        return float(raw)
    if type(raw) is not kind:
        raise wrong
    return raw.strip() if isinstance(raw, str) else raw


def _from_text(kind: type, raw: str, wrong: Wrong) -> Any:
    raw = raw.strip()
    if kind is str:
        return raw
    if kind is bool:
        if raw.lower() not in _WORDS:
            raise wrong
        return _WORDS[raw.lower()]
    try:
        return kind(raw)
    except ValueError:
        raise wrong from None


def _duration(raw: object, shown: str) -> float:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return float(raw)
    found = _DURATION.fullmatch(raw.strip().lower()) if isinstance(raw, str) else None
    if found is None:
        raise Wrong(f"{shown} is not a duration. Give {Kind.DURATION.value}.")
    return float(found[1]) * _SECONDS[found[2]]


def _list(raw: object, shown: str) -> tuple[str, ...]:
    parts = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(parts, list) or not all(isinstance(each, str) for each in parts):
        raise Wrong(f"{shown} is not a list of texts. Give one, like [\"127.0.0.1:2379\"].")
    return tuple(each.strip() for each in parts if each.strip())


def _referred(name: str, environ: Mapping[str, str] | None) -> str:
    if environ is None:
        raise Wrong("env:NAME is read only from the configuration file. Give the secret itself.")
    if not name:
        raise Wrong("env: names no variable. Write env:NAME.")
    if not environ.get(name):
        raise Wrong(f"the environment variable {name} is not set or empty. Set it before the start.")
    return environ[name].strip()


def _check(knob: Knob, value: Any, shown: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise Wrong(f"{shown} is not a finite number. Give a finite one.")
    if knob.low is not None and value < knob.low:
        raise Wrong(f"{shown} is too small. Give {knob.low:.15g} or more.")
    if knob.high is not None and value > knob.high:
        raise Wrong(f"{shown} is too large. Give {knob.high:.15g} or less.")
    if knob.nonempty and not value:
        raise Wrong("is empty. Give a value.")
    if knob.choices and value not in knob.choices:
        raise Wrong(f"{shown} is none of its choices. Give one of: {', '.join(knob.choices)}.")
    if isinstance(value, str) and any(ord(each) < 32 or ord(each) == 127 for each in value):
        raise Wrong("contains control characters. Remove them.")
    if knob.secret and not str(value).isascii():
        # A header carries it, and headers are Latin at best.
        raise Wrong("contains letters that no HTTP header can carry. Use ASCII.")
    if knob.kind is Kind.URL and value:
        _check_url(value)


def _check_url(value: str) -> None:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise Wrong(f"is not a URL. Give {Kind.URL.value}.") from None
    if parts.username or parts.password:
        raise Wrong("holds a password. Put it into the token.")
    if not good or any(each.isspace() for each in value):
        # What follows '?' may be a key.
        raise Wrong(f"{_short(value.partition('?')[0])} is not such a URL. Give {Kind.URL.value}.")


def _short(raw: object) -> str:
    said = repr(raw)
    return said if len(said) <= 60 else said[:59] + "…"
