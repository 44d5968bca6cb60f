"""YAML and JSON as plain values; a key that stands twice is an error, since one of its values would be lost."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any

import yaml


class Broken(ValueError):
    """What is wrong with the text, and where; nothing of its content is repeated, which may be secret."""


class _Loader(yaml.SafeLoader):
    """Values only, no objects."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping, after a look at its keys."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                raise Broken(f"line {key.start_mark.line + 1}: the key {key.value!r} stands there twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(text: str) -> Any:
    """The one document of a YAML text. Raises :class:`Broken`."""
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise Broken(place + (error.problem or error.context or "it cannot be understood")) from None
    except yaml.YAMLError:
        raise Broken("it holds characters that YAML does not allow") from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, Broken):
            raise
        raise Broken("it holds a value that cannot be understood, or is nested too deeply") from None


def read_json(text: str) -> Any:
    """The value of a JSON text. Raises :class:`Broken`."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise Broken(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise Broken("it is nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise Broken(f"the key {key!r} stands there twice")
        made[key] = value
    return made
