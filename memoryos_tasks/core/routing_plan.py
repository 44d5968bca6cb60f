"""The ``[router]`` settings read: endpoints, chains and what is in house."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from memoryos_tasks.core.errors import ModelNotFound
from memoryos_tasks.core.locality import private_url
from memoryos_tasks.core.models import OFFLINE, PROVIDERS, resolve
from memoryos_tasks.core.settings import Settings
from memoryos_tasks.core.vendors import VENDORS, access

#: The name in ``router.local_providers`` that stands for the embedding server.
EMBEDDING = "embedding"
_OLLAMA = "ollama"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One model that can be asked. ``url`` is '' for the provider as ``[llm]`` has it."""

    provider: str
    model: str
    url: str = ""

    @property
    def name(self) -> str:
        """What clients know it by."""
        return self.model if self.provider == self.model == OFFLINE else f"{self.provider}/{self.model}"

    @property
    def source(self) -> str:
        """The name of its provider among the providers of the process."""
        return f"{self.provider}@{self.url}" if self.url else self.provider


@dataclass(frozen=True, slots=True)
class Plan:
    """What the router may choose from. ``fallbacks``: by the name of an endpoint."""

    local: tuple[Endpoint, ...] = ()
    cloud: tuple[Endpoint, ...] = ()
    fallbacks: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    in_house: frozenset[str] = frozenset({OFFLINE})
    hot_topic: float = 0.85
    complex_tokens: int = 2000

    def is_local(self, endpoint: Endpoint) -> bool:
        """Whether what it is sent stays in house."""
        return endpoint.provider in self.in_house or (bool(endpoint.url) and endpoint in self.local)


class Misread(Exception):
    """A setting that cannot be read: its key, the problem and the fix."""


def plan_of(settings: Settings) -> Plan:
    """The plan that the settings describe. Raises :class:`Misread`."""
    router = settings.router
    local = tuple(_backend(part) for part in _parts(router.local, ","))
    in_house = _in_house(settings, local)
    return Plan(
        local=local,
        cloud=tuple(_model("router.cloud", part) for part in _parts(router.cloud, ",")),
        fallbacks=dict(_chain(part) for part in _parts(router.fallbacks, ";")),
        in_house=in_house,
        hot_topic=router.hot_topic,
        complex_tokens=router.complex_tokens,
    )


def in_house(settings: Settings) -> frozenset[str]:
    """The providers that send nothing out of the house."""
    return plan_of(settings).in_house


def embedder_in_house(settings: Settings) -> bool:
    """Whether what the embedding server is sent stays in house; providers in this process send nothing."""
    named = _named(settings)
    return EMBEDDING in named or (not settings.embedding.base_url and "openai" in named)


def _parts(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]


def _named(settings: Settings) -> frozenset[str]:
    named = frozenset(_parts(settings.router.local_providers, ","))
    for name in sorted(named - {*PROVIDERS, EMBEDDING}):
        raise Misread(f"router.local_providers: there is no provider {name!r}. Give any of "
                      f"{', '.join(PROVIDERS)} or {EMBEDDING}.")
    return named


def _in_house(settings: Settings, local: tuple[Endpoint, ...]) -> frozenset[str]:
    named = _named(settings)
    found = {OFFLINE} | (named - {EMBEDDING})
    if private_url(_url(settings, _OLLAMA)):
        found.add(_OLLAMA)
    for endpoint in local:
        url = endpoint.url or _url(settings, endpoint.provider)
        if endpoint.provider in found and not endpoint.url:
            continue
        if not private_url(url) and endpoint.provider not in named:
            raise Misread(f"router.local: {endpoint.name!r} is asked at {url or 'its vendor'}, which is no loopback or "
                          f"private address. Give one as {endpoint.name}@http://host:port, or add "
                          f"{endpoint.provider!r} to router.local_providers if that server is yours.")
        if not endpoint.url:
            found.add(endpoint.provider)
    return frozenset(found)


def _url(settings: Settings, provider: str) -> str:
    door = access(settings.llm, provider)
    vendor = VENDORS.get(provider)
    return door.base_url if door is not None else vendor.base_url if vendor is not None else ""


def _backend(text: str) -> Endpoint:
    name, at, url = text.partition("@http")
    url = f"http{url}".rstrip("/") if at else ""
    found = _model("router.local", name.strip())
    if at and found.provider not in VENDORS:
        raise Misread(f"router.local: {text!r}: {found.provider!r} cannot be asked at a server of its own. Give any of "
                      f"{', '.join(VENDORS)}.")
    if at and ("://" not in url or not url.partition("://")[2].strip("/")):
        raise Misread(f"router.local: {text!r} names no server after the @. Give provider/model@http://host:port.")
    return Endpoint(found.provider, found.model, url)


def _chain(text: str) -> tuple[str, tuple[Endpoint, ...]]:
    name, equals, chain = text.partition("=")
    others = tuple(_model("router.fallbacks", part) for part in _parts(chain, "|"))
    if not equals or not others:
        raise Misread(f"router.fallbacks: {text!r} is no chain. Give model=next|another, and ; between two.")
    return _model("router.fallbacks", name.strip()).name, others


def _model(key: str, name: str) -> Endpoint:
    try:
        found = resolve(name, PROVIDERS)
    except ModelNotFound:
        raise Misread(f"{key}: {name!r} names no model. Give provider/model, such as openai/gpt-4o or "
                      "ollama/llama3.2.") from None
    return Endpoint(found.provider, found.model)
