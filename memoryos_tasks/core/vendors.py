"""The model vendors: what turns each of them on, and where and how it is reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from memoryos_tasks.core.settings import Llm


@dataclass(frozen=True, slots=True)
class Vendor:
    """``base_url`` is the vendor's own address; '' where each customer has one of their own.

    ``keyless``: a server at that address may need no key, so naming the address turns it on.
    """

    name: str
    base_url: str = ""
    keyless: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """How a vendor is reached: the key may be '', the base URL has no slash at its end."""

    api_key: str
    base_url: str


#: Every vendor that can be configured, by ``llm.<name>_api_key`` and ``llm.<name>_base_url``.
VENDORS: Mapping[str, Vendor] = {
    vendor.name: vendor
    for vendor in (
        Vendor("openai", "https://api.openai.com/v1"),
        Vendor("azure_openai"),
        Vendor("claude", "https://api.anthropic.com"),
        Vendor("gemini", "https://generativelanguage.googleapis.com"),
        Vendor("ollama", "http://127.0.0.1:11434", keyless=True),
        Vendor("deepseek", "https://api.deepseek.com/v1"),
        Vendor("openrouter", "https://openrouter.ai/api/v1"),
        Vendor("openai_compatible"),
    )
}


def access(llm: Llm, name: str) -> Access | None:
    """How ``name`` is reached by these settings; None while it is not configured or not known.

    A key turns a vendor on, and so does a base URL that is not the vendor's own: a server of one's own may need no key.
    """
    vendor = VENDORS.get(name)
    if vendor is None:
        return None
    key, url = _set(llm, f"{name}_api_key"), _set(llm, f"{name}_base_url").rstrip("/")
    if not vendor.base_url:
        return Access(key, url) if url else None
    if key or (url and (vendor.keyless or url != vendor.base_url)):
        return Access(key, url or vendor.base_url)
    return None


def configured(llm: Llm) -> list[str]:
    """The vendors that these settings turn on."""
    return [name for name in VENDORS if access(llm, name) is not None]


def fix(name: str) -> str | None:
    """What to set to turn a vendor on; None when it cannot be."""
    vendor = VENDORS.get(name)
    if vendor is None:
        return None
    key, url = f"llm.{name}_api_key", f"llm.{name}_base_url"
    if not vendor.base_url:
        return f"set {url}" if name == "openai_compatible" else f"set {url} and {key}"
    return f"set {url}" if vendor.keyless else f"set {key} or {url}"


@dataclass(frozen=True, slots=True)
class OpenAIDoor:
    """Where a vendor that speaks OpenAI's protocol takes chats, and how it wants the key."""

    headers: Mapping[str, str]
    #: What stands between the base URL and ``?``, for a model.
    chat: Callable[[str], str]
    #: Where its models are listed; '' when that would not name what can be asked for.
    models: str = "/models"


def openai_door(name: str, access: Access, api_version: str = "") -> OpenAIDoor | None:
    """The door of a vendor of OpenAI's family; None for the others.

    Azure (https://learn.microsoft.com/azure/ai-services/openai/reference): a deployment's name is in the path, unless
    the base URL ends with ``/openai/v1``, and the key in ``api-key``. It lists what could be deployed, not what is.
    """
    key = access.api_key
    if name == "azure_openai":
        headers = {"api-key": key} if key else {}
        if access.base_url.endswith("/openai/v1"):
            return OpenAIDoor(headers, _chat, models="")
        root = "/deployments/" if access.base_url.endswith("/openai") else "/openai/deployments/"
        version = quote(api_version, safe="")
        return OpenAIDoor(
            headers, lambda model: f"{root}{quote(model, safe='')}{_CHAT}?api-version={version}", models=""
        )
    if name not in OPENAI_FAMILY:
        return None
    return OpenAIDoor({"Authorization": f"Bearer {key}"} if key else {}, _chat)


#: Vendors that speak OpenAI's protocol.
OPENAI_FAMILY = ("openai", "azure_openai", "deepseek", "openrouter", "openai_compatible")

_CHAT = "/chat/completions"


def _chat(_: str) -> str:
    return _CHAT


def _set(llm: Llm, key: str) -> str:
    return str(getattr(llm, key)).strip()
