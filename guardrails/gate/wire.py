"""Asks as JSON, and as Kubernetes has them.

Here: reading documents that come from outside, and writing the answer that Kubernetes expects.
Not here: HTTP.
Source: Kubernetes, admission.k8s.io/v1 AdmissionReview.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from finops.money import CURRENCIES, MoneyError, parse_amount
from guardrails.gate.book import GateError
from guardrails.gate.judge import SCOPES, Ask

MAX_TEXT = 200
PREFIX = "aifinops/"
"""Of labels (the scopes) and annotations (``aifinops/estimate: 120USD``) of a Kubernetes object."""

_PRICE = re.compile(r"\s*([A-Za-z]{3})?\s*([0-9.]+)\s*([A-Za-z]{3})?\s*")
_KNOWN = {"estimate", "currency", "who", "scopes", "job", "break_glass"}


def parse_price(text: str, currency: str = "USD") -> tuple[Decimal, str]:
    """``120USD``, ``USD 120`` or ``120`` as amount and currency; ``currency`` where the text has none.

    Raises:
        GateError: it is no amount, or has no known currency.
    """
    match = _PRICE.fullmatch(text)
    if not match or (match[1] and match[3]):
        raise GateError(f"{text!r} is not an amount; write it like 120USD")
    code = (match[1] or match[3] or currency).upper()
    if code not in CURRENCIES:
        raise GateError(f"{code!r} is not a currency; use an ISO 4217 code such as USD")
    try:
        return parse_amount(match[2]), code
    except MoneyError as error:
        raise GateError(f"{text!r} is not an amount: {error}") from None


def parse_ask(document: Any) -> Ask:
    """An ask from JSON: ``{"estimate": "120.50", "currency": "USD", "who": "…", "scopes": {"team": "search"}}``, and
    where wanted ``job`` and ``break_glass``.

    Raises:
        GateError: with every problem.
    """
    if not isinstance(document, Mapping):
        raise GateError("the body is not a JSON object")
    problems = [f"{name!r} is not known" for name in sorted(map(str, document.keys() - _KNOWN))]
    estimate, currency = Decimal(0), "USD"
    given = document.get("estimate")
    if isinstance(given, bool | float) or not isinstance(given, str | int):
        problems.append('estimate is missing or not exact; write it as text, like "120.50"')
    else:
        try:
            estimate, currency = parse_price(str(given), str(document.get("currency", "USD")))
        except GateError as error:
            problems.append(f"estimate: {error}")
    scopes = document.get("scopes", {})
    if not isinstance(scopes, Mapping):
        problems.append('scopes is not an object; write it like {"team": "search"}')
        scopes = {}
    problems += [f"scopes: {name!r} is none of {', '.join(SCOPES)}" for name in scopes if name not in SCOPES]
    texts = {name: document.get(name) for name in ("who", "job", "break_glass")}
    for name, text in (*texts.items(), *((f"scopes.{name}", text) for name, text in scopes.items())):
        if text is None and name in ("job", "break_glass"):
            continue
        if not isinstance(text, str) or not text.strip() or len(text) > MAX_TEXT:
            problems.append(f"{name} is not a text of 1 to {MAX_TEXT} characters")
    if problems:
        raise GateError("; ".join(problems))
    return Ask(
        estimate=estimate,
        currency=currency,
        who=str(texts["who"]).strip(),
        scopes={name: text.strip() for name, text in scopes.items()},
        job=texts["job"],
        break_glass=texts["break_glass"],
    )


def ask_of_review(review: Any) -> Ask | None:
    """The ask in an AdmissionReview; None where the object says no estimate.

    Raises:
        GateError: it is no AdmissionReview, or what it says cannot be read.
    """
    try:
        request = review["request"]
        uid, who = str(request["uid"]), str(request["userInfo"]["username"])
        metadata = (request.get("object") or {}).get("metadata") or {}
        labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
        price = annotations.get(f"{PREFIX}estimate")
        # The name of an object that Kubernetes still has to name is empty.
        name = metadata.get("name") or metadata.get("generateName") or request["uid"]
        job = f"{request.get('namespace') or 'default'}/{name}/{uid}"
        scopes = {level: labels[f"{PREFIX}{level}"] for level in SCOPES if f"{PREFIX}{level}" in labels}
    except (AttributeError, KeyError, TypeError):
        raise GateError("the body is not an AdmissionReview of admission.k8s.io/v1 with a request") from None
    if price is None:
        return None
    amount, currency = parse_price(str(price))
    document = {"estimate": str(amount), "currency": currency, "who": who, "scopes": scopes, "job": job}
    return parse_ask(document)


def reviewed(review: Mapping[str, Any], *, allowed: bool, reason: str, warns: bool) -> dict[str, Any]:
    """The AdmissionReview to answer with."""
    response: dict[str, Any] = {"uid": review["request"]["uid"], "allowed": allowed}
    if not allowed:
        response["status"] = {"code": 403, "reason": "Forbidden", "message": reason}
    elif warns:
        # Kubernetes cuts warnings beyond 256 characters.
        response["warnings"] = [reason[:256]]
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}
