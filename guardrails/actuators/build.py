"""The actuator of a route: its settings, with what the environment holds for it.

Here: looking up variables, choosing the module.
Not here: what each system is like.
"""

from __future__ import annotations

from collections.abc import Mapping

from finops.config.actuator_routes import (
    ActuatorRoute,
    AzureRoute,
    KubernetesRoute,
    LitellmRoute,
    OpenAiRoute,
    TicketRoute,
)
from guardrails.actuators.base import Actuator, RefusedError


class MissingVariableError(LookupError):
    """Environment variables that the route names are not set."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        super().__init__(" and ".join(names))


def build(route: ActuatorRoute, environ: Mapping[str, str]) -> Actuator:
    """The route's actuator; close it after use. Nothing is called yet.

    Raises:
        MissingVariableError: a variable that it needs is not set.
        RefusedError: what a variable holds cannot be used.
    """
    variables = [value for name, value in route if name.endswith("_env") and value is not None]
    missing = [name for name in variables if not environ.get(name, "").strip()]
    if missing:
        raise MissingVariableError(missing)

    def value(name: str | None) -> str | None:
        return None if name is None else environ[name].strip()

    match route:
        case KubernetesRoute():
            from guardrails.actuators.kubernetes import connect as connect_kubernetes

            return connect_kubernetes(route, value(route.kubeconfig_env))
        case AzureRoute():
            from guardrails.actuators.azure import connect as connect_azure

            subscription = environ[route.subscription_env].strip()
            return connect_azure(route, subscription, value(route.endpoint_env), value(route.token_env))
        case OpenAiRoute():
            from guardrails.actuators.openai import connect as connect_openai

            return connect_openai(route, environ[route.key_env].strip(), value(route.url_env))
        case LitellmRoute():
            from guardrails.actuators.litellm import connect as connect_litellm

            return connect_litellm(route, environ[route.key_env].strip(), environ[route.url_env].strip())
        case TicketRoute():
            from guardrails.actuators.ticket import connect as connect_ticket

            return connect_ticket(route, environ[route.token_env].strip(), value(route.url_env))
    raise RefusedError(f"route {route.id} carries out nothing", "Choose a kind that docs/actuators.md lists")
