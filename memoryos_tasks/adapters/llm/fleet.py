"""What the router can ask, and what stays in house, by the settings in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from memoryos_tasks.adapters.config.live import LiveSettings
from memoryos_tasks.adapters.llm.registry import limits_of, provider_at, providers
from memoryos_tasks.core.routing_plan import embedder_in_house, plan_of
from memoryos_tasks.core.sensitivity import Sensitivity
from memoryos_tasks.core.settings import Llm, Settings
from memoryos_tasks.core.settings_router import Router
from memoryos_tasks.ports.keepsakes import Keepsakes
from memoryos_tasks.ports.llm import Provider
from memoryos_tasks.services.routing import Fleet


class LiveProviders:
    """The providers as ``[llm]`` has them; made anew when it changes."""

    def __init__(self, live: LiveSettings, keepsakes: Keepsakes) -> None:
        self._live = live
        self._keepsakes = keepsakes
        self._made: tuple[Llm, Mapping[str, Provider]] | None = None

    def __call__(self) -> Mapping[str, Provider]:
        llm, made = self._live.current.llm, self._made
        if made is None or made[0] is not llm:
            made = (llm, providers(llm, keepsakes=self._keepsakes))
            self._made = made
        return made[1]


class LiveGuard:
    """What must stay in house; made anew when ``[router]`` changes."""

    def __init__(self, live: LiveSettings) -> None:
        self._live = live
        self._made: tuple[Router | None, Sensitivity | None] = (None, None)
        self._embedder: tuple[Settings, bool] | None = None

    def __call__(self) -> Sensitivity | None:
        """The guard, or None while nothing counts as sensitive."""
        router, made = self._live.current.router, self._made
        if made[0] is not router:
            made = (router, Sensitivity(router.sensitive_keywords) if router.sensitive else None)
            self._made = made
        return made[1]

    def hit(self, text: str) -> bool:
        """Whether the text must stay in house."""
        guard = self()
        return guard is not None and guard.hit(text)

    def keeps(self, text: str) -> bool:
        """Whether the text must not be shown to the embedding server."""
        settings, judged = self._live.current, self._embedder
        if judged is None or judged[0] is not settings:
            judged = (settings, embedder_in_house(settings))
            self._embedder = judged
        return not judged[1] and self.hit(text)


class LiveFleet:
    """The fleet; made anew when the settings change. ``configured``: the providers as ``[llm]`` has them."""

    def __init__(
        self,
        live: LiveSettings,
        configured: Callable[[], Mapping[str, Provider]],
        guard: Callable[[], Sensitivity | None],
        keepsakes: Keepsakes,
    ) -> None:
        self._live = live
        self._configured = configured
        self._guard = guard
        self._keepsakes = keepsakes
        self._made: tuple[Settings, Fleet] | None = None

    def __call__(self) -> Fleet:
        settings, made = self._live.current, self._made
        if made is None or made[0] is not settings:
            made = (settings, self._fleet(settings))
            self._made = made
        return made[1]

    def _fleet(self, settings: Settings) -> Fleet:
        plan, llm = plan_of(settings), settings.llm
        servers = {
            endpoint.source: provider_at(
                endpoint.provider, endpoint.url, timeouts=limits_of(llm), keepsakes=self._keepsakes
            )
            for endpoint in plan.local
            if endpoint.url
        }
        # A cap that the queue never lets a deployment reach needs no counting.
        most = llm.max_concurrent if llm.max_concurrent < settings.jobs.max_queued else 0
        return Fleet(plan, {**self._configured(), **servers}, self._guard(), most)
