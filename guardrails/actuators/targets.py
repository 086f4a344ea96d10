"""What a route does for an order, by its targets in routing.yml.

Here: looking a scope and an action up; what is not there is refused, never guessed.
Not here: what a step means (each system's module).
"""

from __future__ import annotations

from typing import Any

from finops.config.actuator_routes import ActuatorRoute
from guardrails.actuators.base import Order, RefusedError


def target_for(route: ActuatorRoute, order: Order) -> Any:
    """The route's target of an order's scope.

    Raises:
        RefusedError: the route does not know the scope.
    """
    for target in getattr(route, "targets", []):
        if (target.scope.level, target.scope.value or "all") == (order.scope_type, order.scope_value):
            return target
    raise RefusedError(
        f"route {route.id} does not know {order.target}",
        "Add it to the route's targets in routing.yml, then replay the dead letter",
    )


def steps_for(route: ActuatorRoute, order: Order) -> list[Any]:
    """What the route does for an order, in the order of the file.

    Raises:
        RefusedError: the route does not know the scope, or not what the action means for it.
    """
    steps: list[Any] = getattr(target_for(route, order), order.action, [])
    if not steps:
        raise RefusedError(
            f"route {route.id} has no {order.action} for {order.target}",
            f"Add {order.action}: to the target in routing.yml, or ask for another action in guardrails.yml",
        )
    return steps
