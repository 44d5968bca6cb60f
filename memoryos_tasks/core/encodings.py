"""Which published vocabulary a model counts its tokens in.

The table is OpenAI's (``tiktoken/model.py``). Other vendors' vocabularies are not published, or are not known here.
"""

from __future__ import annotations

O200K = "o200k_base"
CL100K = "cl100k_base"

#: Beginnings of model names; of two that fit, the longer one holds.
_BY_PREFIX = {
    "o1": O200K,
    "o3": O200K,
    "o4": O200K,
    "gpt-5": O200K,
    "gpt-4.5": O200K,
    "gpt-4.1": O200K,
    "gpt-4o": O200K,
    "chatgpt-4o": O200K,
    "gpt-oss": O200K,
    "gpt-4": CL100K,
    "gpt-3.5": CL100K,
    "gpt-35": CL100K,
}


def encoding_of(model: str) -> str | None:
    """The vocabulary of a vendor's model, as its vendor or a router names it; None where it is not known."""
    name = bare(model)
    known = [prefix for prefix in _BY_PREFIX if name.startswith(prefix)]
    return _BY_PREFIX[max(known, key=len)] if known else None


def bare(model: str) -> str:
    """A model's name without what stands before it: ``openai/gpt-4o`` and ``ft:gpt-4o:…`` are a gpt-4o."""
    return model.rpartition("/")[2].removeprefix("ft:").lower()
