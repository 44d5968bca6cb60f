"""Content parts of OpenAI's messages as Gemini's parts: text, images, sound, files.

Source: Gemini API, "File input methods" (inlineData up to 100 MB a request; fileData with an https URL that Google
fetches itself, for the kinds of images below).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from memoryos_tasks.core.errors import InvalidRequest

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)(?:;[^;,]*)*;base64,(.*)", re.DOTALL)
#: Google wants to be told the type of what it fetches; the name of the file tells it.
_IMAGES = {".bmp": "image/bmp", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png",
           ".webp": "image/webp"}
#: Where files live that were uploaded to Google before; it knows their types.
_FILES_API = re.compile(r"https://generativelanguage\.googleapis\.com/v\w+/files/")
_SOUNDS = {"wav": "audio/wav", "mp3": "audio/mp3"}


def parts(content: Any, where: str) -> list[dict[str, Any]]:
    """The parts of a message's ``content``, without empty texts; ``where`` names it in errors.

    Raises :class:`InvalidRequest` for what Gemini cannot take.
    """
    if content is None:
        return []
    if isinstance(content, str):
        return [{"text": content}] if content else []
    if not isinstance(content, list):
        raise InvalidRequest(f"{where} must be a string or a list of content parts.", param=where)
    made = [_part(part, f"{where}.{at}") for at, part in enumerate(content)]
    return [part for part in made if part.get("text") != ""]


def _part(part: Any, where: str) -> dict[str, Any]:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if kind in ("text", "refusal"):
        return {"text": _text(part, str(kind), where)}
    if kind == "image_url":
        return _image(_text(part, "image_url", where, inner="url"), where)
    if kind == "input_audio":
        sound = _SOUNDS.get(_text(part, "input_audio", where, inner="format"))
        if sound is None:
            raise InvalidRequest(f"{where}.input_audio.format must be wav or mp3.", param=where)
        return {"inlineData": {"mimeType": sound, "data": _text(part, "input_audio", where, inner="data")}}
    if kind == "file":
        return _file(part, where)
    raise InvalidRequest(
        f"{where}: Gemini takes text, image_url, input_audio and file parts, not {kind!r}.", param=where
    )


def _image(url: str, where: str) -> dict[str, Any]:
    if url.startswith("data:"):
        return _inline(url, where)
    if _FILES_API.match(url):
        return {"fileData": {"fileUri": url}}
    kind = _kind(url)
    if kind is None:
        raise InvalidRequest(
            f"{where}.image_url: Gemini fetches https URLs that end in {', '.join(_IMAGES)}; send other images as a "
            "data URL (data:image/png;base64,…).",
            param=where,
        )
    return {"fileData": {"mimeType": kind, "fileUri": url}}


def _kind(url: str) -> str | None:
    """The type of an image at an address that Google fetches from."""
    try:
        parsed = urlsplit(url)
    except ValueError:
        return None
    _, dot, ending = parsed.path.rpartition(".")
    return _IMAGES.get((dot + ending).lower()) if parsed.scheme == "https" and parsed.hostname else None


def _file(part: Mapping[str, Any], where: str) -> dict[str, Any]:
    file = part.get("file")
    data = file.get("file_data") if isinstance(file, Mapping) else None
    if not isinstance(data, str):
        raise InvalidRequest(
            f"{where}.file: Gemini knows no file ids of another vendor; send file_data as a data URL.", param=where
        )
    return _inline(data, where)


def _inline(url: str, where: str) -> dict[str, Any]:
    found = _DATA_URL.fullmatch(url)
    if found is None:
        raise InvalidRequest(f"{where}: a data URL must be like data:image/png;base64,….", param=where)
    return {"inlineData": {"mimeType": found[1], "data": found[2]}}


def _text(part: Mapping[str, Any], name: str, where: str, *, inner: str = "") -> str:
    value = part.get(name)
    if inner and isinstance(value, Mapping):
        value = value.get(inner)
    if not isinstance(value, str):
        path = f"{where}.{name}" + (f".{inner}" if inner else "")
        raise InvalidRequest(f"{path} must be a string.", param=path)
    return value
