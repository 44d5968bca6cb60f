"""Parts of an OpenAI message as Claude's content blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from memoryos_tasks.core.errors import InvalidRequest

Block = dict[str, Any]

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*;base64,(.*)", re.DOTALL | re.IGNORECASE)
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_PDF = "application/pdf"


def blocks(content: Any, where: str) -> list[Block]:
    """The blocks of a message's ``content``; blank texts are left out, because the vendor refuses them.

    ``where`` is the field, for errors. Raises :class:`InvalidRequest` for a part that Claude cannot take.
    """
    if isinstance(content, str):
        return [_text(content)] if content.strip() else []
    if content is None:
        return []
    if not isinstance(content, list):
        raise InvalidRequest(f"{where} must be a text or a list of parts.", param=where)
    made = [_block(part, f"{where}[{place}]") for place, part in enumerate(content)]
    return [block for block in made if block["type"] != "text" or block["text"].strip()]


def texts(content: Any, where: str) -> list[Block]:
    """The same, where only text may stand."""
    made = blocks(content, where)
    if any(block["type"] != "text" for block in made):
        raise InvalidRequest(f"{where} may hold only text for Claude.", param=where)
    return made


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _block(part: Any, where: str) -> Block:
    if isinstance(part, str):
        return _text(part)
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind == "text" and isinstance(part.get("text"), str):
        return _marked(_text(part["text"]), part)
    if kind == "refusal":
        return _text(str(part.get("refusal") or ""))
    if kind == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, Mapping) else image
        return _marked({"type": "image", "source": _image(str(url or ""), where)}, part)
    if kind == "file":
        return _marked(_document(part.get("file"), where), part)
    raise InvalidRequest(f"{where}: Claude takes no part of type {kind!r}.", param=where)


def _marked(block: Block, part: Mapping[str, Any]) -> Block:
    """With the client's cache mark, which OpenAI's protocol does not know and clients of Claude use."""
    mark = part.get("cache_control")
    return {**block, "cache_control": mark} if isinstance(mark, dict) else block


def _image(url: str, where: str) -> dict[str, str]:
    if url.lower().startswith(("https://", "http://")):
        return {"type": "url", "url": url}
    media, data = _data(url, where)
    media = "image/jpeg" if media == "image/jpg" else media
    if media not in _IMAGES:
        raise InvalidRequest(f"{where}: Claude takes JPEG, PNG, GIF and WebP images, not {media}.", param=where)
    return {"type": "base64", "media_type": media, "data": data}


def _document(file: Any, where: str) -> Block:
    given = file if isinstance(file, Mapping) else {}
    media, data = _data(str(given.get("file_data") or ""), where)
    if media != _PDF:
        raise InvalidRequest(f"{where}: Claude takes PDF files as base64 in file_data.", param=where)
    name = given.get("filename")
    title = {"title": name} if isinstance(name, str) and name else {}
    return {"type": "document", "source": {"type": "base64", "media_type": _PDF, "data": data}, **title}


def _data(url: str, where: str) -> tuple[str, str]:
    found = _DATA_URL.fullmatch(url)
    if found is None:
        raise InvalidRequest(f"{where} must be an http(s) URL or a base64 data: URL.", param=where)
    return (found[1] or "text/plain").lower(), found[2].strip()
