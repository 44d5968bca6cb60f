"""Redis scripts: one ``.lua`` file each, its keys and answer described on top."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_INCLUDE = re.compile(r"^-- #include (\w+)$", re.MULTILINE)


@cache
def source(name: str) -> str:
    """The text of a script with what it includes in place."""
    text = (files(__name__) / f"{name}.lua").read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda match: source(match[1]), text)
