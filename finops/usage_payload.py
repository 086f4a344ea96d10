"""Usage objects of model APIs, as providers answer them, in disjoint token classes.

Here: recognising the shape of a usage object and reading its counts. One function per shape; each names the document
that says how the provider counts.
Not here: prices (``finops.pricing``), and files or requests that the objects come in (ingestion).

The shape is told by the members of the object, never by who sent it: gateways answer in one provider's shape for the
models of another. Where a shape counts differently between providers, the object's own total decides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finops.tokens import TokenCountError, TokenCounts

Payload = Mapping[str, Any]

_MOST_SHOWN = 8


class UsagePayloadError(ValueError):
    """A payload without token counts, or with counts that contradict each other."""


@dataclass(frozen=True)
class PayloadUsage:
    """What one response used.

    ``shape`` is the form that was recognised; ``model`` and ``service_tier`` (standard, batch, flex, priority,
    provisioned) are None where the payload does not say them.
    """

    counts: TokenCounts
    shape: str
    model: str | None = None
    service_tier: str | None = None


def read_usage(payload: Payload | str) -> PayloadUsage:
    """Counts of a response, or of the usage object inside it.

    Args:
        payload: the response of a model API as JSON text or as an object, or only its usage object.

    Raises:
        UsagePayloadError: no JSON object, no token counts that are known here, or counts that cannot be true.
    """
    response = _object(payload)
    usage = _usage_of(response)
    for shape, applies, read in _SHAPES:
        if applies(usage, response):
            try:
                counts = read(usage, response)
            except TokenCountError as error:
                raise UsagePayloadError(f"{shape}: {error}") from None
            return PayloadUsage(counts, shape, _model(response), _tier(usage, response))
    if _given(usage, "seconds") or usage.get("type") == "duration":
        raise UsagePayloadError("the usage is a duration, not tokens; such a request is billed by the minute of sound")
    shown = ", ".join(sorted(map(str, usage))[:_MOST_SHOWN]) or "nothing"
    raise UsagePayloadError(f"no known token counts among {shown}; give the provider's usage object as it was answered")


# ── finding the usage object ──────────────────────────────────────────────────────────────────────────────────────────


def _object(payload: Payload | str) -> Payload:
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except json.JSONDecodeError as error:
            raise UsagePayloadError(f"not JSON: {error}") from None
    if not isinstance(payload, Mapping):
        raise UsagePayloadError("not a JSON object; give the usage object, or the response that holds it")
    # A server-sent or batch envelope around the response itself.
    for envelope in ("response", "body", "message"):
        inner = payload.get(envelope)
        if isinstance(inner, Mapping) and not _holds_usage(payload):
            return _object(inner)
    return payload


_USAGE_MEMBERS = ("usage", "usageMetadata", "usage_metadata", "amazon-bedrock-invocationMetrics")


def _holds_usage(payload: Payload) -> bool:
    return any(isinstance(payload.get(name), Mapping) for name in _USAGE_MEMBERS)


def _usage_of(response: Payload) -> Payload:
    for name in _USAGE_MEMBERS:
        usage = response.get(name)
        if isinstance(usage, Mapping):
            return usage
        if name in response and usage is None:
            raise UsagePayloadError(
                f"{name} is null: a streamed answer has it only in its last part, and only where it was asked for"
            )
    meta = response.get("meta")  # Cohere's first API
    return meta if isinstance(meta, Mapping) and "billed_units" in meta else response


def _model(response: Payload) -> str | None:
    return next(
        (response[n] for n in ("model", "modelVersion", "model_version") if isinstance(response.get(n), str)), None
    )


_TIERS = {
    "default": "standard",
    "standard": "standard",
    "auto": "standard",
    "scale": "standard",
    "on_demand": "standard",
    "batch": "batch",
    "flex": "flex",
    "on_demand_flex": "flex",
    "priority": "priority",
    "on_demand_priority": "priority",
    "provisioned_throughput": "provisioned",
    "reserved": "provisioned",
}


def _tier(usage: Payload, response: Payload) -> str | None:
    """The tier that answered; a word that is not known stays, so that nothing is priced as what it is not."""
    service = response.get("serviceTier")
    said = (
        usage.get("service_tier")
        or response.get("service_tier")
        or usage.get("trafficType")
        or usage.get("traffic_type")
        or (service.get("type") if isinstance(service, Mapping) else service)
    )
    return _TIERS.get(said.lower(), said.lower()) if isinstance(said, str) else None


# ── counts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _given(usage: Payload, *names: str) -> bool:
    return any(usage.get(name) is not None for name in names)


def _count(usage: Payload, *names: str) -> int:
    """The first of the members that is there; absent and null count as 0."""
    for name in names:
        value = usage.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            raise UsagePayloadError(f"{name} is {value!r}, which is no whole number of tokens")
        if value < 0:
            raise UsagePayloadError(f"{name} is {value}; token counts are never negative")
        return int(value)
    return 0


def _details(usage: Payload, *names: str) -> Payload:
    return next((value for name in names if isinstance(value := usage.get(name), Mapping)), {})


def _rest(whole: int, parts: int, what: str) -> int:
    if parts > whole:
        raise UsagePayloadError(f"the parts of {what} sum to {parts}, more than the {whole} that should include them")
    return whole - parts


# ── OpenAI and whoever speaks like it ─────────────────────────────────────────────────────────────────────────────────


def _is_openai(usage: Payload, _: Payload) -> bool:
    return _given(usage, "prompt_tokens", "completion_tokens") or (
        _given(usage, "input_tokens", "output_tokens")
        and bool(
            {"input_tokens_details", "output_tokens_details", "input_token_details", "output_token_details"}
            & set(usage)
        )
        and not _is_anthropic(usage, {})
    )


def _openai(usage: Payload, response: Payload) -> TokenCounts:
    """Chat completions, Responses, Realtime, images, transcription and embeddings of OpenAI and Azure OpenAI.

    Input includes what was read from the cache, output includes reasoning; details divide both by kind:
    https://platform.openai.com/docs/api-reference/chat/object, …/responses/object, …/images/createImage,
    …/realtime-server-events/response/done. DeepSeek, Mistral, xAI, Groq and others answer in the same shape with
    differences that are dealt with here.
    """
    inputs = _details(usage, "prompt_tokens_details", "input_tokens_details", "input_token_details")
    outputs = _details(usage, "completion_tokens_details", "output_tokens_details", "output_token_details")
    prompt = _count(usage, "prompt_tokens", "input_tokens")
    completion = _count(usage, "completion_tokens", "output_tokens")
    # DeepSeek says hits beside misses (https://api-docs.deepseek.com/guides/kv_cache), Moonshot and Mistral say them
    # without details.
    cached = max(
        _count(inputs, "cached_tokens"), _count(usage, "prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")
    )
    if _given(usage, "prompt_cache_miss_tokens") and not _given(usage, "prompt_tokens"):
        prompt = cached + _count(usage, "prompt_cache_miss_tokens")
    written = _count(inputs, "cache_write_tokens", "cache_creation_tokens")
    cached_kinds = _details(inputs, "cached_tokens_details")
    cached_audio = _count(cached_kinds, "audio_tokens")
    audio = _rest(_count(inputs, "audio_tokens"), cached_audio, "the audio input")
    # There is no class for pictures read from the cache: they are pictures, and never text.
    image = _count(inputs, "image_tokens")
    cached_image = _count(cached_kinds, "image_tokens")
    cached_text = _rest(cached, cached_audio + cached_image, "the cached input")
    reasoning = _count(outputs, "reasoning_tokens") or _count(usage, "reasoning_tokens")
    if _reasoning_is_beside(usage, prompt, completion, reasoning):
        completion += reasoning
    out_audio, out_image = _count(outputs, "audio_tokens"), _count(outputs, "image_tokens")
    if _is_picture(usage, inputs, outputs, response):
        out_image = completion
    return TokenCounts(
        input_uncached=_rest(prompt, cached_text + cached_audio + written + audio + image, "the input"),
        cache_read=cached_text,
        cache_write_5m=written,
        output=_rest(completion, reasoning + out_audio + out_image, "the output"),
        reasoning=reasoning,
        input_audio=audio,
        cache_read_audio=cached_audio,
        output_audio=out_audio,
        input_image=image,
        output_image=out_image,
    )


def _reasoning_is_beside(usage: Payload, prompt: int, completion: int, reasoning: int) -> bool:
    """xAI counts reasoning beside the completion (https://docs.x.ai/docs/guides/reasoning): the total tells it."""
    total = _count(usage, "total_tokens")
    return reasoning > 0 and total == prompt + completion + reasoning


def _is_picture(usage: Payload, inputs: Payload, outputs: Payload, response: Payload) -> bool:
    """The images API answers ``output_tokens`` without saying that they are of pictures."""
    data = response.get("data")
    has_pictures = (
        isinstance(data, Sequence)
        and bool(data)
        and isinstance(data[0], Mapping)
        and bool({"b64_json", "url"} & set(data[0]))
    )
    return not outputs and (has_pictures or ("image_tokens" in inputs and "cached_tokens" not in inputs))


# ── Anthropic ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_anthropic(usage: Payload, _: Payload) -> bool:
    return _given(usage, "input_tokens", "output_tokens") and bool(
        {"cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation", "server_tool_use", "inference_geo"}
        & set(usage)
    )


def _anthropic(usage: Payload, _: Payload) -> TokenCounts:
    """Messages of Anthropic, also on Bedrock and Vertex: input excludes what was read from or written to the cache.

    https://docs.anthropic.com/en/api/messages (usage) and …/build-with-claude/prompt-caching. Requests of server tools
    are billed each, their tokens are inside the input.
    """
    written = _count(usage, "cache_creation_input_tokens")
    by_life = _details(usage, "cache_creation")
    for_an_hour = _count(by_life, "ephemeral_1h_input_tokens")
    for_minutes = _count(by_life, "ephemeral_5m_input_tokens")
    if _given(usage, "cache_creation_input_tokens"):
        # Where only the sum is said, it is the default life of five minutes.
        for_minutes += _rest(written, for_an_hour + for_minutes, "the cache writes")
    thinking = _count(_details(usage, "output_tokens_details"), "thinking_tokens", "reasoning_tokens")
    return TokenCounts(
        input_uncached=_count(usage, "input_tokens"),
        cache_read=_count(usage, "cache_read_input_tokens"),
        cache_write_5m=for_minutes,
        cache_write_1h=for_an_hour,
        output=_rest(_count(usage, "output_tokens"), thinking, "the output"),
        reasoning=thinking,
    )


# ── Google ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_google(usage: Payload, _: Payload) -> bool:
    return _given(
        usage,
        "promptTokenCount",
        "candidatesTokenCount",
        "totalTokenCount",
        "candidates_token_count",
        "total_token_count",
    )


def _google(usage: Payload, _: Payload) -> TokenCounts:
    """``generateContent`` of the Gemini API and Vertex AI.

    https://ai.google.dev/api/generate-content#UsageMetadata: the prompt includes cached content, thoughts are beside
    the candidates, prompts of tools are beside the prompt. Pictures and video cost what text costs and are counted
    with it; sound has its own price (https://ai.google.dev/gemini-api/docs/pricing).
    """
    prompt = _count(usage, "promptTokenCount", "prompt_token_count")
    tools = _count(usage, "toolUsePromptTokenCount", "tool_use_prompt_token_count")
    candidates = _count(usage, "candidatesTokenCount", "candidates_token_count", "responseTokenCount")
    thoughts = _count(usage, "thoughtsTokenCount", "thoughts_token_count")
    cached = _count(usage, "cachedContentTokenCount", "cached_content_token_count")
    total = _count(usage, "totalTokenCount", "total_token_count")
    if 0 < thoughts <= candidates and total == prompt + tools + candidates:
        candidates -= thoughts  # an answer that counts thoughts among the candidates says so by its total
    cached_audio = _of_modality(usage, ("cacheTokensDetails", "cache_tokens_details"), "AUDIO")
    audio = _of_modality(usage, ("promptTokensDetails", "prompt_tokens_details"), "AUDIO") + _of_modality(
        usage, ("toolUsePromptTokensDetails", "tool_use_prompt_tokens_details"), "AUDIO"
    )
    audio = _rest(audio, min(cached_audio, audio), "the audio input")
    answered = ("candidatesTokensDetails", "candidates_tokens_details", "responseTokensDetails")
    out_audio, out_image = _of_modality(usage, answered, "AUDIO"), _of_modality(usage, answered, "IMAGE")
    return TokenCounts(
        input_uncached=_rest(prompt + tools, cached + audio, "the input"),
        cache_read=_rest(cached, cached_audio, "the cached input"),
        output=_rest(candidates, out_audio + out_image, "the candidates"),
        reasoning=thoughts,
        input_audio=audio,
        cache_read_audio=cached_audio,
        output_audio=out_audio,
        output_image=out_image,
    )


def _of_modality(usage: Payload, names: tuple[str, ...], modality: str) -> int:
    entries: Any = next((usage[name] for name in names if isinstance(usage.get(name), Sequence)), ())
    return sum(
        _count(entry, "tokenCount", "token_count")
        for entry in entries
        if isinstance(entry, Mapping) and str(entry.get("modality", "")).upper().endswith(modality)
    )


# ── Amazon Bedrock ────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_bedrock(usage: Payload, _: Payload) -> bool:
    return _given(usage, "inputTokens", "outputTokens", "inputTokenCount", "outputTokenCount")


def _bedrock(usage: Payload, _: Payload) -> TokenCounts:
    """Converse and Amazon Nova: input excludes what was read from or written to the cache.

    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html; cacheDetails divides the
    writes by their life. ``inputTokenCount`` is how streams of InvokeModel end.
    """
    written = _count(usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount")
    details: Any = usage.get("cacheDetails")
    entries = [entry for entry in details if isinstance(entry, Mapping)] if isinstance(details, Sequence) else []
    for_an_hour = sum(_count(entry, "inputTokens") for entry in entries if entry.get("ttl") == "1h")
    return TokenCounts(
        input_uncached=_count(usage, "inputTokens", "inputTokenCount"),
        cache_read=_count(usage, "cacheReadInputTokens", "cacheReadInputTokenCount"),
        cache_write_5m=_rest(written, for_an_hour, "the cache writes"),
        cache_write_1h=for_an_hour,
        output=_count(usage, "outputTokens", "outputTokenCount"),
    )


def _is_titan(usage: Payload, _: Payload) -> bool:
    return _given(usage, "inputTextTokenCount")


def _titan(usage: Payload, _: Payload) -> TokenCounts:
    """Amazon Titan through InvokeModel: …/bedrock/latest/userguide/model-parameters-titan-text.html."""
    results: Any = usage.get("results") or ()
    return TokenCounts(
        input_uncached=_count(usage, "inputTextTokenCount"),
        output=sum(_count(result, "tokenCount") for result in results if isinstance(result, Mapping)),
    )


def _is_llama(usage: Payload, _: Payload) -> bool:
    return _given(usage, "generation_token_count")


def _llama(usage: Payload, _: Payload) -> TokenCounts:
    """Meta Llama through InvokeModel: …/bedrock/latest/userguide/model-parameters-meta.html."""
    return TokenCounts(
        input_uncached=_count(usage, "prompt_token_count"), output=_count(usage, "generation_token_count")
    )


# ── Cohere ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_cohere(usage: Payload, _: Payload) -> bool:
    return isinstance(usage.get("billed_units"), Mapping)


def _cohere(usage: Payload, _: Payload) -> TokenCounts:
    """Cohere bills ``billed_units``; ``tokens`` beside them counts what the model saw: https://docs.cohere.com/reference/chat."""
    billed = _details(usage, "billed_units")
    if not _given(billed, "input_tokens", "output_tokens", "image_tokens"):
        raise UsagePayloadError(
            f"billed_units has no tokens, only {', '.join(sorted(map(str, billed))) or 'nothing'}; such a request is "
            "billed by another unit"
        )
    return TokenCounts(
        input_uncached=_count(billed, "input_tokens"),
        output=_count(billed, "output_tokens"),
        input_image=_count(billed, "image_tokens"),
    )


# ── plain ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_plain(usage: Payload, _: Payload) -> bool:
    return _given(usage, "input_tokens", "output_tokens")


def _plain(usage: Payload, _: Payload) -> TokenCounts:
    """Input and output and nothing else: every provider means the same by it."""
    return TokenCounts(input_uncached=_count(usage, "input_tokens"), output=_count(usage, "output_tokens"))


_SHAPES = (
    ("cohere", _is_cohere, _cohere),
    ("google", _is_google, _google),
    ("bedrock", _is_bedrock, _bedrock),
    ("titan", _is_titan, _titan),
    ("llama", _is_llama, _llama),
    ("anthropic", _is_anthropic, _anthropic),
    ("openai", _is_openai, _openai),
    ("plain", _is_plain, _plain),
)
