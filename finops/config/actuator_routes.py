"""Routes of ``config/routing.yml`` that carry orders out: clusters, clouds, model vendors, gateways, tickets.

Here: what each has of a scope, and what a throttle, a pause and a stop change there.
Not here: routes that tell (routes), carrying out (guardrails.actuators).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from finops.config.problems import SettingError
from finops.config.routes import RouteBase
from finops.config.values import EnvironmentName, Scope, Strict, require_unique


class KubernetesStep(Strict):
    """One change in each of the target's namespaces, gentlest first: docs/actuators.md says what each loses."""

    how: Literal["annotate", "quota", "kueue", "keda", "suspend_jobs", "scale"] = Field(description="What is changed")
    selector: str | None = Field(None, description="Only objects with these labels, such as tier=batch")
    replicas: int = Field(0, ge=0, description="scale, keda: replicas that stay")
    jobs: int = Field(0, ge=0, description="quota: Jobs that may exist")
    gpus: int | None = Field(None, ge=0, description="quota: GPUs that may be requested; absent: as many as before")
    gpu_resource: str = Field("nvidia.com/gpu", description="quota: the name of GPUs in requests")
    stop_policy: Literal["Hold", "HoldAndDrain"] = Field(
        "Hold", description="kueue: Hold admits nothing new, HoldAndDrain also evicts what runs"
    )
    cluster_queues: list[str] = Field(
        default=[], description="kueue: hold these ClusterQueues instead of the LocalQueues of the namespaces"
    )

    @model_validator(mode="after")
    def _belongs(self) -> KubernetesStep:
        belongs = {
            "selector": ("suspend_jobs", "scale", "keda", "kueue"),
            "replicas": ("scale", "keda"),
            "jobs": ("quota",),
            "gpus": ("quota",),
            "gpu_resource": ("quota",),
            "stop_policy": ("kueue",),
            "cluster_queues": ("kueue",),
        }
        for name in sorted(self.model_fields_set & belongs.keys()):
            if self.how not in belongs[name]:
                raise SettingError(
                    f"{name} means nothing to {self.how}", f"It belongs to how: {' or '.join(belongs[name])}", (name,)
                )
        return self


class TargetBase(Strict):
    scope: Scope = Field(description="What policies decide about")


class KubernetesTarget(TargetBase):
    """Where a scope's workloads run, and what is done to them."""

    namespaces: list[str] = Field(min_length=1, description="Namespaces of this cluster, each by its full name")
    throttle: list[KubernetesStep] = Field(default=[], description="What a throttle does")
    pause: list[KubernetesStep] = Field(default=[], description="What a pause does")
    stop: list[KubernetesStep] = Field(default=[], description="What a stop does")


class ActuatorRoute(RouteBase):
    @property
    def known_scopes(self) -> list[Scope]:
        """What the route knows where to find."""
        return [target.scope for target in getattr(self, "targets", [])]


class KubernetesRoute(ActuatorRoute):
    """A cluster on which orders are carried out. Its rights: deploy/actuators/kubernetes-rbac.yml."""

    kind: Literal["kubernetes"]
    kubeconfig_env: EnvironmentName | None = Field(
        None, description="Variable with the path of a kubeconfig; absent: the cluster that this runs in"
    )
    context: str | None = Field(None, description="Context of the kubeconfig; absent: its current one")
    max_objects: int = Field(50, ge=1, description="An order that would touch more objects is refused")
    targets: list[KubernetesTarget] = Field(min_length=1, description="One entry per scope")

    @model_validator(mode="after")
    def _unique(self) -> KubernetesRoute:
        _require_unique_scopes(self.known_scopes)
        return self


class AzureStep(Strict):
    """One change of one resource."""

    how: Literal["deallocate_vm", "deallocate_vmss", "scale_pool", "openai_capacity", "apim_subscription"] = Field(
        description="What is changed"
    )
    resource_group: str = Field(description="Resource group of the resource")
    name: str = Field(
        description="VM, scale set, AKS cluster, Azure OpenAI account, or API Management service, by its name"
    )
    pool: str | None = Field(None, description="scale_pool: the node pool")
    count: int = Field(0, ge=0, description="scale_pool: nodes that stay; a system pool needs one")
    deployment: str | None = Field(None, description="openai_capacity: the deployment")
    capacity: int | None = Field(None, ge=1, description="openai_capacity: capacity units that stay")
    subscription: str | None = Field(None, description="apim_subscription: id of the subscription that is suspended")

    @model_validator(mode="after")
    def _complete(self) -> AzureStep:
        needed = {
            "scale_pool": ("pool",),
            "openai_capacity": ("deployment", "capacity"),
            "apim_subscription": ("subscription",),
        }
        for name in needed.get(self.how, ()):
            if getattr(self, name) is None:
                raise SettingError(f"{self.how} needs {name}", f"Add {name}:", (name,))
        return self


class AzureTarget(TargetBase):
    """What a scope has in Azure, and what is done to it."""

    throttle: list[AzureStep] = Field(default=[], description="What a throttle does")
    pause: list[AzureStep] = Field(default=[], description="What a pause does")
    stop: list[AzureStep] = Field(default=[], description="What a stop does")


class AzureRoute(ActuatorRoute):
    """An Azure subscription in which orders are carried out. Its rights: deploy/actuators/azure-role.json."""

    kind: Literal["azure"]
    subscription_env: EnvironmentName = Field(description="Variable with the id of the subscription")
    endpoint_env: EnvironmentName | None = Field(
        None, description="Variable with the address of Resource Manager; absent: that of Azure's public cloud"
    )
    token_env: EnvironmentName | None = Field(
        None, description="Variable with an access token; absent: the sign-on of this machine (azure-identity)"
    )
    targets: list[AzureTarget] = Field(min_length=1, description="One entry per scope")

    @model_validator(mode="after")
    def _unique(self) -> AzureRoute:
        _require_unique_scopes(self.known_scopes)
        return self


class OpenAiStep(Strict):
    """One change of one project."""

    how: Literal["rate_limit", "spend_limit"] = Field(
        description="rate_limit slows its requests down, spend_limit refuses them once the month has cost so much"
    )
    project: str = Field(description="Id of the project, proj_…")
    models: list[str] = Field(default=[], description="rate_limit: only these models; empty: all of the project")
    requests_per_minute: int | None = Field(None, ge=1, description="rate_limit: requests that stay")
    tokens_per_minute: int | None = Field(None, ge=1, description="rate_limit: tokens that stay")
    monthly_usd: Annotated[Decimal, Field(gt=0, max_digits=12, decimal_places=2)] | None = Field(
        None, description="spend_limit: US dollars a month, to the cent"
    )

    @model_validator(mode="after")
    def _complete(self) -> OpenAiStep:
        if self.how == "spend_limit" and self.monthly_usd is None:
            raise SettingError("spend_limit needs monthly_usd", "Add monthly_usd:", ("monthly_usd",))
        if self.how == "rate_limit" and self.requests_per_minute is None and self.tokens_per_minute is None:
            raise SettingError(
                "rate_limit needs requests_per_minute or tokens_per_minute", "Add one of them", ("requests_per_minute",)
            )
        return self


class OpenAiTarget(TargetBase):
    """What a scope has at OpenAI, and what is done to it."""

    throttle: list[OpenAiStep] = Field(default=[], description="What a throttle does")
    pause: list[OpenAiStep] = Field(default=[], description="What a pause does")
    stop: list[OpenAiStep] = Field(default=[], description="What a stop does")


class OpenAiRoute(ActuatorRoute):
    """An OpenAI organisation whose projects are limited through its administration API."""

    kind: Literal["openai"]
    key_env: EnvironmentName = Field(description="Variable with an admin key")
    url_env: EnvironmentName | None = Field(None, description="Variable with the address; absent: api.openai.com")
    allow_private_addresses: bool = Field(False, description="Allow loopback and private networks")
    targets: list[OpenAiTarget] = Field(min_length=1, description="One entry per scope")

    @model_validator(mode="after")
    def _unique(self) -> OpenAiRoute:
        _require_unique_scopes(self.known_scopes)
        return self


class LitellmStep(Strict):
    """One change of keys and teams of the gateway."""

    how: Literal["rate_limit", "budget", "block"] = Field(
        description="rate_limit slows requests down, budget refuses them once so much is spent, block refuses them all"
    )
    keys: list[str] = Field(default=[], description="Hashes of virtual keys, as the gateway lists them; never the keys")
    teams: list[str] = Field(default=[], description="Ids of the gateway's teams")
    requests_per_minute: int | None = Field(None, ge=0, description="rate_limit: requests that stay")
    tokens_per_minute: int | None = Field(None, ge=0, description="rate_limit: tokens that stay")
    max_budget_usd: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)] | None = Field(
        None, description="budget: US dollars in the gateway's own budget period"
    )

    @model_validator(mode="after")
    def _complete(self) -> LitellmStep:
        if not self.keys and not self.teams:
            raise SettingError("neither keys nor teams are named", "Add keys: or teams:")
        if any(key.startswith("sk-") for key in self.keys):
            raise SettingError(
                "a key stands here, which is a secret", "Write the key's hash, as the gateway lists it", ("keys",)
            )
        if self.how == "budget" and self.max_budget_usd is None:
            raise SettingError("budget needs max_budget_usd", "Add max_budget_usd:", ("max_budget_usd",))
        if self.how == "rate_limit" and self.requests_per_minute is None and self.tokens_per_minute is None:
            raise SettingError(
                "rate_limit needs requests_per_minute or tokens_per_minute", "Add one of them", ("requests_per_minute",)
            )
        return self


class LitellmTarget(TargetBase):
    """What a scope has at the gateway, and what is done to it."""

    throttle: list[LitellmStep] = Field(default=[], description="What a throttle does")
    pause: list[LitellmStep] = Field(default=[], description="What a pause does")
    stop: list[LitellmStep] = Field(default=[], description="What a stop does")


class LitellmRoute(ActuatorRoute):
    """A LiteLLM gateway whose keys and teams are limited."""

    kind: Literal["litellm"]
    url_env: EnvironmentName = Field(description="Variable with the address")
    key_env: EnvironmentName = Field(description="Variable with a key that may manage keys and teams")
    allow_private_addresses: bool = Field(False, description="Allow loopback and private networks")
    targets: list[LitellmTarget] = Field(min_length=1, description="One entry per scope")

    @model_validator(mode="after")
    def _unique(self) -> LitellmRoute:
        _require_unique_scopes(self.known_scopes)
        return self


class TicketRoute(ActuatorRoute):
    """Issues of GitHub or Jira: one per decision, commented and closed when the guardrail is released."""

    kind: Literal["ticket"]
    system: Literal["github", "jira"] = Field(description="Whose issues")
    url_env: EnvironmentName | None = Field(
        None, description="Variable with the address, such as https://example.atlassian.net; absent: api.github.com"
    )
    token_env: EnvironmentName = Field(description="Variable with the token; for Jira's cloud user:token")
    project: str = Field(description="owner/repository at GitHub, the project's key at Jira")
    issue_type: str = Field("Task", description="jira: type of the issue")
    done: str = Field("Done", description="jira: status that a released guardrail's issue is moved to")
    labels: list[str] = Field(default=["aifinops"], description="Labels of the issue")
    title: str = Field("{policy}: {target}", description="May name {policy}, {target}, {action}, {period} and {owner}")
    allow_private_addresses: bool = Field(False, description="Allow loopback and private networks")

    @model_validator(mode="after")
    def _complete(self) -> TicketRoute:
        if self.system == "github" and not re.fullmatch(r"[\w.-]+/[\w.-]+", self.project):
            raise SettingError("the project is no owner/repository", "Write it like acme/finops", ("project",))
        if self.system == "jira" and not re.fullmatch(r"[A-Z][A-Z0-9_]+", self.project):
            raise SettingError("the project is no key of Jira", "Write it like FIN", ("project",))
        if self.system == "jira" and self.url_env is None:
            raise SettingError("jira needs url_env", "Add url_env: and the name of a variable", ("url_env",))
        try:
            self.title.format(policy="", target="", action="", period="", owner="")
        except (KeyError, IndexError, ValueError):
            remedy = "It may name {policy}, {target}, {action}, {period} and {owner}"
            raise SettingError("the title names something else", remedy, ("title",)) from None
        return self


def _require_unique_scopes(scopes: Iterable[Scope]) -> None:
    named = ((("targets", i, "scope"), f"{s.level} {s.value or ''}".strip()) for i, s in enumerate(scopes))
    require_unique("scope", named)
