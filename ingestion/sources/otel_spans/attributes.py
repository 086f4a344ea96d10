"""Names of span attributes that tell of a model call.

Here: our column → the attributes that may hold it, best first; what makes a span a model call.
Not here: reading values (``rows``) and receiving spans (``ingestion.collect``).
Sources: the OpenTelemetry GenAI semantic conventions up to 1.4x and the names that earlier versions used; OpenInference
(``llm.token_count.*``); OpenLLMetry of Traceloop (``llm.usage.*``, ``traceloop.*``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

INTEGERS: dict[str, tuple[str, ...]] = {
    "input_tokens": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
        "llm.usage.prompt_tokens",
    ),
    "cache_read_tokens": (
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "gen_ai.usage.input_cached_tokens",
        "gen_ai.usage.cached_input_tokens",
        "gen_ai.usage.cached_tokens",
        "gen_ai.usage.input_tokens.cached",
        "gen_ai.usage.prompt_tokens_details.cached_tokens",
        "gen_ai.usage.details.cache_read_tokens",
        "llm.token_count.prompt_details.cache_read",
        "llm.usage.cache_read_input_tokens",
    ),
    "cache_write_tokens": (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_write.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.details.cache_write_tokens",
        "llm.token_count.prompt_details.cache_write",
        "llm.usage.cache_creation_input_tokens",
    ),
    "cache_write_1h_tokens": (
        "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens",
        "gen_ai.usage.details.ephemeral_1h_input_tokens",
        "aifinops.usage.cache_write_1h_tokens",
    ),
    "repeated_prefix_tokens": ("aifinops.usage.repeated_prefix_tokens",),
    "output_tokens": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
        "llm.usage.completion_tokens",
    ),
    "reasoning_tokens": (
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "gen_ai.usage.output_tokens.reasoning",
        "gen_ai.usage.completion_tokens_details.reasoning_tokens",
        "gen_ai.usage.details.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
        "llm.usage.reasoning_tokens",
    ),
    "input_audio_tokens": (
        "gen_ai.usage.input_audio_tokens",
        "gen_ai.usage.prompt_tokens_details.audio_tokens",
        "gen_ai.usage.details.input_audio_tokens",
        "llm.token_count.prompt_details.audio",
    ),
    "output_audio_tokens": (
        "gen_ai.usage.output_audio_tokens",
        "gen_ai.usage.completion_tokens_details.audio_tokens",
        "gen_ai.usage.details.output_audio_tokens",
        "llm.token_count.completion_details.audio",
    ),
    "retry_count": ("http.request.resend_count", "aifinops.retry_count", "http.resend_count", "http.retry_count"),
}
SECONDS: dict[str, tuple[str, ...]] = {
    "first_token_seconds": (
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.server.time_to_first_token",
        "gen_ai.server.ttft",
    ),
}
TEXTS: dict[str, tuple[str, ...]] = {
    "operation_name": ("gen_ai.operation.name", "llm.request.type"),
    "provider_name": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "llm.vendor"),
    "request_model": ("gen_ai.request.model", "llm.request.model", "llm.model_name", "embedding.model_name"),
    "response_model": ("gen_ai.response.model", "llm.response.model"),
    "deployment_name": ("aifinops.deployment", "aifinops.deployment.name", "azure.openai.deployment"),
    "resource_id": ("aifinops.resource_id",),
    "service_tier": (
        "aifinops.service_tier",
        "openai.response.service_tier",
        "gen_ai.openai.response.service_tier",
        "gen_ai.response.service_tier",
        "openai.request.service_tier",
        "gen_ai.openai.request.service_tier",
        "gen_ai.request.service_tier",
    ),
    "deployment_type": ("aifinops.deployment_type",),
    # On a span, not on its resource: that is where the caller runs.
    "region_id": ("aifinops.region", "cloud.region"),
    "error_type": ("error.type",),
    "team": ("aifinops.team",),
    "app": ("aifinops.app",),
    "feature": ("aifinops.feature",),
    "environment": ("deployment.environment.name", "deployment.environment"),
}
CUSTOMER = ("aifinops.customer.id", "traceloop.association.properties.customer_id")
USER = ("user.id", "enduser.id", "traceloop.association.properties.user_id")
API_KEY = ("aifinops.api_key.name",)
HTTP_STATUS = ("http.response.status_code", "http.status_code")
RESOURCE = ("service.name", *TEXTS["environment"])
"""Attributes of a span's resource that are read."""

CUSTOMER_HASH = "aifinops.customer.hash"
USER_HASH = "aifinops.user.hash"
"""What our own receiver writes in place of the ids."""

_OPERATION = "gen_ai.operation.name"
_OPENINFERENCE_KIND, _TRACELOOP_KIND = "openinference.span.kind", "traceloop.span.kind"
KINDS = (_OPERATION, _OPENINFERENCE_KIND, _TRACELOOP_KIND)
# Agent and tool spans repeat the tokens of the model calls below them: only model calls are usage.
_NO_MODEL_CALL = frozenset(("create_agent", "invoke_agent", "invoke_workflow", "execute_tool"))
_MODEL_KINDS = frozenset(("LLM", "EMBEDDING", "RERANKER"))

KEPT = frozenset(
    (
        *KINDS,
        *(key for names in (INTEGERS, SECONDS, TEXTS) for keys in names.values() for key in keys),
        *(*CUSTOMER, *USER, *API_KEY, *HTTP_STATUS, CUSTOMER_HASH, USER_HASH),
    )
)
"""Every attribute of a span that is read; nothing else ever needs to be kept."""


def is_model_call(attributes: Mapping[str, Any]) -> bool:
    """Whether a span is a call of a model, not an agent, a tool or anything else around it."""
    operation = attributes.get(_OPERATION)
    if operation is not None:
        return operation not in _NO_MODEL_CALL
    kind = attributes.get(_OPENINFERENCE_KIND)
    if kind is not None:
        return str(kind).upper() in _MODEL_KINDS
    if attributes.get(_TRACELOOP_KIND) is not None:
        return False
    return any(key in attributes for name in ("request_model", "response_model") for key in TEXTS[name])


def first(attributes: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    """The value of the first attribute that is there."""
    for key in keys:
        if (value := attributes.get(key)) is not None:
            return value
    return None
