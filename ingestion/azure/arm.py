"""Azure Resource Manager: sign-on, Microsoft's clients, errors in words.

Here: one place that opens clients, for this machine's sign-on or for a token and an address of a simulator's.
Not here: what is done with them (``connect``, ``access``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from ingestion.addresses import is_safe
from ingestion.azure_sign_on import STATIC_TOKEN_VARIABLE, static_token
from ingestion.errors import LandingError

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError
    from azure.mgmt.authorization.v2022_04_01.operations import RoleAssignmentsOperations
    from azure.mgmt.costmanagement import CostManagementClient
    from azure.mgmt.costmanagement.operations import ExportsOperations
    from azure.mgmt.storage import StorageManagementClient

ENDPOINT = "https://management.azure.com"
ENDPOINT_VARIABLE = "AIFINOPS_AZURE_ARM_URL"
RESOURCES_VERSION = "2022-12-01"
AUTHORIZATION_VERSION = "2022-04-01"
COGNITIVE_VERSION = "2024-10-01"


class ArmError(LandingError):
    """Azure refused or did not answer. ``status`` is None where there was no answer; ``code`` is Azure's."""

    def __init__(self, message: str, *, status: int | None = None, code: str = "", wait_seconds: int = 0) -> None:
        super().__init__(message)
        self.status, self.code, self.wait_seconds = status, code, wait_seconds


class Arm:
    """Clients of one sign-on, opened when first used.

    Args:
        endpoint: another address than Azure's public cloud, such as a simulator's.
        token: a bearer token instead of the machine's sign-on; sent only over https or to this machine.
        patience: how often a request is tried again after an outage.
    """

    def __init__(self, *, endpoint: str | None = None, token: str | None = None, patience: int = 3) -> None:
        self.endpoint = (endpoint or ENDPOINT).rstrip("/")
        if token and not is_safe(self.endpoint):
            raise ArmError(
                f"{self.endpoint} is not encrypted: a token is only sent over https, or to this machine itself"
            )
        self._token = token
        self._options: dict[str, Any] = {
            "retry_total": patience,
            "retry_backoff_max": 20,
            "connection_timeout": 10,
            "read_timeout": 60,
        }
        self._costs: CostManagementClient | None = None
        self._sign_on: Any = None

    def costs(self) -> CostManagementClient:
        from azure.mgmt.costmanagement import CostManagementClient

        if self._costs is None:
            self._costs = CostManagementClient(self._credential(), self.endpoint, **self._client_options())
        return self._costs

    def exports(self) -> ExportsOperations:
        return self.costs().exports

    def role_assignments(self, subscription: str) -> RoleAssignmentsOperations:
        from azure.mgmt.authorization.v2022_04_01 import AuthorizationManagementClient

        client = AuthorizationManagementClient(
            self._credential(), subscription, self.endpoint, **self._client_options()
        )
        return client.role_assignments

    def storage(self, subscription: str) -> StorageManagementClient:
        from azure.mgmt.storage import StorageManagementClient

        return StorageManagementClient(self._credential(), subscription, self.endpoint, **self._client_options())

    def request(
        self, method: str, path: str, version: str, *, body: Any = None, query: Mapping[str, str] | None = None
    ) -> Any:
        """A plain request, for what Microsoft's installed clients do not offer.

        Raises:
            ArmError: Azure refused or did not answer.
        """
        from azure.core.exceptions import AzureError, HttpResponseError
        from azure.core.rest import HttpRequest

        url = f"{path}?{urlencode({'api-version': version, **(query or {})})}"
        try:
            response = self.costs().send_request(HttpRequest(method, f"{self.endpoint}{url}", json=body))
            response.raise_for_status()
        except HttpResponseError as error:
            raise in_words(error) from error
        except AzureError as error:
            raise unreachable(self.endpoint, error) from error
        text = response.text()
        return json.loads(text) if text else None

    def values(self, path: str, version: str) -> list[dict[str, Any]]:
        """All entries of a list, ``nextLink`` followed.

        Raises:
            ArmError: Azure refused or did not answer.
        """
        document = self.request("GET", path, version)
        found: list[dict[str, Any]] = list(document.get("value", []))
        while link := document.get("nextLink"):
            parts = urlsplit(link)
            query = dict(pair.split("=", 1) for pair in parts.query.split("&") if "=" in pair)
            document = self.request("GET", parts.path, query.pop("api-version", version), query=query)
            found += document.get("value", [])
        return found

    def _credential(self) -> Any:
        if self._token:
            return static_token(self._token)[0]
        if self._sign_on is None:
            from azure.identity import DefaultAzureCredential

            self._sign_on = DefaultAzureCredential()
        return self._sign_on

    def _client_options(self) -> dict[str, Any]:
        if not self._token:
            return dict(self._options)
        return {**self._options, **static_token(self._token)[1]}


def open_arm(environ: Mapping[str, str], *, endpoint: str | None = None, patience: int = 3) -> Arm:
    """Azure as the environment names it: with its own address and token for a simulator, else the machine's sign-on.

    The token counts only together with an address, so that a forgotten variable never replaces a sign-on at Azure.

    Raises:
        ArmError: the address is not encrypted.
    """
    address = endpoint or environ.get(ENDPOINT_VARIABLE) or None
    return Arm(endpoint=address, token=environ.get(STATIC_TOKEN_VARIABLE) if address else None, patience=patience)


def in_words(error: HttpResponseError) -> ArmError:
    """An SDK's error with Azure's own code and sentence, and the longest wait that its headers ask for."""
    code, message = "", str(error.message).splitlines()[0] if error.message else ""
    headers: Mapping[str, str] = {}
    if error.response is not None:
        headers = getattr(error.response, "headers", {})
        try:
            said = json.loads(error.response.text())["error"]
            code, message = str(said.get("code", "")), str(said.get("message", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
    return ArmError(
        f"{error.status_code} {code}: {message}" if code else f"{error.status_code}: {message}",
        status=error.status_code,
        code=code,
        wait_seconds=_longest_wait(headers),
    )


def unreachable(endpoint: str, error: Exception) -> ArmError:
    """An error without an answer: no network, no sign-on."""
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return ArmError(f"{endpoint} cannot be asked: {said}")


def _longest_wait(headers: Mapping[str, str]) -> int:
    """Cost Management throttles by tenant, entity and client at once, each with a header of its own."""
    waits = [
        int(value)
        for name, value in headers.items()
        if name.lower().endswith("retry-after") and str(value).strip().isdigit()
    ]
    return max(waits, default=0)
