"""Azure OpenAI: OpenAI's protocol, where the model is a deployment of one's own.

Protocol: https://learn.microsoft.com/azure/ai-services/openai/reference
"""

from __future__ import annotations

from memoryos_tasks.adapters.llm.openai_compatible import Dialect, OpenAICompatibleProvider


class AzureOpenAIProvider(OpenAICompatibleProvider):
    """``base_url`` is the resource, ``https://NAME.openai.azure.com``; ``/openai/v1`` at its end is the newer protocol.

    ``api_version`` counts for the older one, which takes it in the query and the deployment's name in the path.
    """

    dialect = Dialect("azure_openai")
