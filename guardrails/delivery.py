"""Sending what the outbox holds: signed webhooks, Teams cards, e-mail; at least once, with the same id each time.

Here: one attempt over HTTP, by SMTP or by an actuator, what its answer means, when to try again.
Not here: the queue (outbox), where messages may go (address), the SMTP conversation (mail), what they say (messages,
reports), how orders are carried out (actuators).

What an answer means: any 2xx is delivered (a Teams workflow answers 202; that proves acceptance, not that anybody saw
the card). 410 disables the route's address. Everything else, a redirect included, is tried again with growing pauses,
never before a Retry-After, until the attempts are used up; then it is a dead letter, which can be replayed. A mail
server's 4xx is tried again like that; its 5xx is final.

A route whose attempts fail one after the other, whatever the message, is held for a while: five minutes after the fifth
failure, twice as long after each further one, an hour at most. After that one message is tried.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from finops.config.actuator_routes import ActuatorRoute
from finops.config.routes import EmailRoute, TeamsRoute, WebhookRoute
from finops.config.routing import Route
from finops.periods import as_utc
from guardrails import audit, mail, outbox, webhook
from guardrails.actuators.base import Actuator, FailedError, InProgressError, RefusedError, order_from
from guardrails.actuators.build import MissingVariableError, build
from guardrails.actuators.carry_out import carry_out
from guardrails.actuators.record import Record
from guardrails.address import Receiver, RefusedAddressError, Resolve, locate, system_resolve
from guardrails.ledger import Ledger
from guardrails.outbox import Claim, LostLeaseError, MessageStatus
from guardrails.transport import clock_difference, exchange, in_words, make_client, retry_after

MAX_ATTEMPTS = 10
"""With the pauses below, a receiver may be away for about 17 hours."""

FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(hours=6)
TEAMS_SPACING = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=2)
"""How long one pass waits in all for routes that take only so many messages a minute."""
FAILURES_BEFORE_HOLD = 5
FIRST_HOLD = timedelta(minutes=5)
LONGEST_HOLD = timedelta(hours=1)
USER_AGENT = "aifinops-guardrails"


@dataclass(frozen=True)
class DeliverySummary:
    """What one pass did. Counts are messages; ``remedies`` says what to do about what could not be sent."""

    delivered: int
    retrying: int
    dead: int
    undeliverable: int
    withheld: int
    """Kept as "would send", in the whole ledger: the orders and notices of dry runs."""
    remedies: tuple[str, ...]

    @property
    def waiting(self) -> int:
        return self.retrying + self.undeliverable

    @property
    def sentence(self) -> str:
        """One line for people; ``remedies`` go beside it."""
        return (
            f"{self.delivered} delivered, {self.retrying} to be tried again, {self.dead} given up, "
            f"{self.undeliverable} waiting for configuration, {self.withheld} kept by dry runs"
        )


@dataclass(frozen=True)
class _Ready:
    """A route that can be sent to."""

    route: Route
    url: str = ""
    url_env: str = ""
    secrets: str = ""
    allow_private: bool = False
    actuator: Actuator | None = None

    @property
    def where(self) -> str:
        """What to repair when it does not work."""
        return f"what route {self.route.id} leads to" if self.actuator else f"the receiver behind {self.url_env}"


@dataclass(frozen=True)
class _Answer:
    http_status: int | None
    error: str | None
    retry_after: timedelta | None = None
    remedy: str | None = None
    """Given where trying again is of no use."""
    wait: timedelta | None = None
    """Given where it is not over yet, and nothing is wrong."""
    note: str | None = None
    """What a person should look at although it was delivered."""


class _Clock:
    """The caller's ``now``, moving on with the machine's clock."""

    def __init__(self, now: datetime, monotonic: Callable[[], float]) -> None:
        self._now = as_utc(now)
        self._monotonic = monotonic
        self._started = monotonic()

    def now(self) -> datetime:
        return self._now + timedelta(seconds=self._monotonic() - self._started)


def deliver_pending(
    ledger: Ledger,
    routes: Sequence[Route],
    environ: Mapping[str, str],
    *,
    now: datetime,
    files: Path | None = None,
    client: httpx.Client | None = None,
    resolve: Resolve = system_resolve,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> DeliverySummary:
    """Send every message that is due, one after the other, and say how it went.

    Safe to run again at any time and beside other workers. A message whose route lacks its environment variables, or
    leads where it must not, waits as ``undeliverable`` without using up attempts.

    Args:
        environ: where the routes' variables are looked up, such as ``os.environ``.
        now: the real time, any zone: it signs webhooks, and receivers refuse signatures that are minutes off.
        files: the folder that attachments of e-mails are in, the home's; without it mails with some wait.
        client: HTTP client to use instead of one with a deadline of 20 seconds for each attempt.
        resolve, monotonic, sleep, jitter: name resolution, clock, pause and random number (0 to 1), replaceable.
    """
    clock = _Clock(now, monotonic)
    ready, remedies = _prepare(ledger, routes, environ, clock.now())
    actuators = [target.actuator for target in ready.values() if target.actuator]
    counts = dict.fromkeys((MessageStatus.DELIVERED, MessageStatus.PENDING, MessageStatus.DEAD), 0)
    sender = client or make_client()
    spacing = {name: _spacing(target.route) for name, target in ready.items()}
    serial = {name for name, target in ready.items() if target.actuator}
    waited = timedelta(0)
    try:
        while ready:
            with ledger.write() as write:
                claimed = outbox.claim(write, list(ready), clock.now(), spacing=spacing, serial=serial)
            if claimed is None:
                break
            if isinstance(claimed, timedelta):
                waited += claimed
                if waited > LONGEST_WAIT:
                    break
                sleep(claimed.total_seconds())
                continue
            target = ready[claimed.message.route_id]
            try:
                if target.actuator:
                    answer = _carry_out(ledger, target.route, target.actuator, claimed, clock)
                elif isinstance(target.route, EmailRoute):
                    answer = _mail(target.route, environ, claimed, clock.now(), resolve, files)
                else:
                    receiver = locate(target.url, allow_private=target.allow_private, resolve=resolve)
                    answer = _send(sender, target, receiver, claimed, clock.now())
            except RefusedAddressError as refusal:
                del ready[target.route.id]
                remedy = f"{target.route.id}: {target.url_env} cannot be used: {refusal}"
                remedies.append(remedy)
                _park(ledger, claimed, target.route.id, refusal, clock.now())
                continue
            except OSError as error:
                answer = _Answer(None, f"the host name could not be resolved: {error.strerror or error}")
            status, held = _settle(ledger, claimed, target, answer, clock.now(), jitter)
            counts[status] = counts.get(status, 0) + 1
            if answer.note:
                remedies.append(f"{target.route.id}: {answer.note}")
            remedies += held
            if answer.http_status == httpx.codes.GONE:
                del ready[target.route.id]
                remedies.append(_gone(target.route.id, target.url_env))
    finally:
        if client is None:
            sender.close()
        for actuator in actuators:
            actuator.close()
    return DeliverySummary(
        delivered=counts[MessageStatus.DELIVERED],
        retrying=counts[MessageStatus.PENDING],
        dead=counts[MessageStatus.DEAD],
        undeliverable=len(outbox.messages(ledger, status=MessageStatus.UNDELIVERABLE)),
        withheld=len(outbox.messages(ledger, status=MessageStatus.WOULD_SEND)),
        remedies=tuple(remedies),
    )


def pause_before(attempt: int, jitter: float) -> timedelta:
    """15 s, 45 s, 135 s, … up to 6 h after that many failed attempts, each up to 20% shorter or longer.

    ``jitter`` (0 to 1) keeps the messages of one outage from coming back all at once.
    """
    pause = min(FIRST_PAUSE * 3 ** min(attempt - 1, 20), LONGEST_PAUSE)
    return pause * (0.8 + 0.4 * jitter)


def _prepare(
    ledger: Ledger, routes: Sequence[Route], environ: Mapping[str, str], now: datetime
) -> tuple[dict[str, _Ready], list[str]]:
    """Sort the routes that messages wait for into usable ones and remedies."""
    known = {route.id: route for route in routes}
    ready: dict[str, _Ready] = {}
    remedies: list[str] = []
    with ledger.write() as write:
        for name in outbox.waiting_routes(write.connection):
            target, problem = _configure(known.get(name), name, environ)
            if target is not None:
                gone = outbox.disabled_url(write.connection, name)
                if gone == audit.digest(target.url):
                    problem = ("the receiver answered 410 Gone", _gone(name, target.url_env))
                    target = None
            if target is None:
                remedies.append(problem[1])
                outbox.mark_undeliverable(write, name, *problem)
            else:
                outbox.mark_deliverable(write, name)
                ready[name] = target
                held = outbox.held(write.connection, name, now)
                if held is not None:
                    remedies.append(_held(target, *held))
    return ready, remedies


def _configure(route: Route | None, name: str, environ: Mapping[str, str]) -> tuple[_Ready | None, tuple[str, str]]:
    if route is None:
        return None, ("the route is unknown", f"{name}: add the route to routing.yml again; messages wait for it")
    if isinstance(route, ActuatorRoute):
        try:
            return _Ready(route, actuator=build(route, environ)), ("", "")
        except MissingVariableError as error:
            return None, _missing(name, error.names)
        except RefusedError as refusal:
            return None, (str(refusal), f"{name}: {refusal}. {refusal.remedy}")
    missing = [variable for variable in _variables(route) if not environ.get(variable, "").strip()]
    if missing:
        return None, _missing(name, missing)
    secrets = ""
    if isinstance(route, WebhookRoute):
        secrets = environ[route.secret_env]
        try:
            webhook.signers(secrets)
        except webhook.SecretError as error:
            remedy = f"{name}: {route.secret_env} {error}. Make one with: echo whsec_$(openssl rand -base64 32)"
            return None, (f"the secret in {route.secret_env} cannot be used", remedy)
    if isinstance(route, EmailRoute):
        address = f"{environ[route.host_env].strip()}:{route.port}"
        return _Ready(route, address, route.host_env, secrets, route.allow_private_addresses), ("", "")
    url = environ[route.url_env].strip()
    return _Ready(route, url, route.url_env, secrets, route.allow_private_addresses), ("", "")


def _variables(route: TeamsRoute | EmailRoute | WebhookRoute) -> list[str]:
    """The environment variables that a route needs."""
    if isinstance(route, EmailRoute):
        return [name for name in (route.host_env, route.user_env, route.password_env) if name is not None]
    return [route.url_env, route.secret_env] if isinstance(route, WebhookRoute) else [route.url_env]


def _mail(
    route: EmailRoute,
    environ: Mapping[str, str],
    claimed: Claim,
    now: datetime,
    resolve: Resolve,
    files: Path | None,
) -> _Answer:
    """One attempt by SMTP."""
    message = claimed.message
    try:
        found = mail.send_mail(
            route, environ, json.loads(message.body)["email"],
            message_id=message.message_id, attempt=message.attempts, now=now, resolve=resolve, files=files,
        )  # fmt: skip
    except mail.AttachmentError as error:
        if files is None:
            # A worker that has the home sends it.
            return _Answer(None, str(error), wait=timedelta(minutes=15))
        return _Answer(None, str(error), remedy=f"Given up: put the file back, then replay {message.message_id}")
    note = f"the mail server does not take mail for {', '.join(found.refused)}" if found.refused else None
    remedy = (
        f"Given up: the mail server behind {route.host_env} refuses it for good. Repair the route, then replay it"
        if found.is_permanent
        else None
    )
    return _Answer(found.code, found.error, remedy=remedy, note=note)


def _missing(name: str, variables: Sequence[str]) -> tuple[str, str]:
    listed = " and ".join(variables)
    return (
        f"undeliverable until configured: {listed} not set",
        f"{name}: set {listed} in the environment; messages wait for it",
    )


def _spacing(route: Route) -> timedelta:
    """Least time between two messages."""
    least = TEAMS_SPACING if route.kind == "teams" else timedelta(0)
    return max(least, timedelta(minutes=1) / route.max_per_minute) if route.max_per_minute else least


def _carry_out(ledger: Ledger, route: Route, actuator: Actuator, claimed: Claim, clock: _Clock) -> _Answer:
    """One attempt at an order; each transaction on the way prolongs the claim, or fails where it was lost."""
    message = claimed.message
    record = Record(ledger, route.id, lambda write: outbox.renew(write, claimed, clock.now()), clock.now)
    try:
        said = carry_out(actuator, order_from(message.message_id, message.document), record)
    except RefusedError as refusal:
        return _Answer(None, str(refusal), remedy=refusal.remedy)
    except InProgressError as error:
        return _Answer(None, str(error), wait=error.wait)
    except FailedError as error:
        return _Answer(None, str(error), error.retry_after)
    except LostLeaseError as error:
        return _Answer(None, str(error))
    except Exception as error:
        # A fault in one order's way must not keep the others from being carried out.
        return _Answer(None, f"unexpected {type(error).__name__}: {error}")
    ledger.note(clock.now(), "order.carried_out", message.message_id, {"said": said})
    return _Answer(None, None)


def _send(client: httpx.Client, target: _Ready, receiver: Receiver, claimed: Claim, now: datetime) -> _Answer:
    """One attempt over HTTP."""
    message = claimed.message
    body, headers = message.body, {"content-type": "application/json", "user-agent": USER_AGENT}
    if isinstance(target.route, WebhookRoute):
        body = _webhook_text(message)
        headers |= webhook.signed_headers(message.message_id, body, target.secrets, now)
    content = body.encode()
    if len(content) > webhook.MAX_BODY_BYTES:
        return _Answer(None, f"the message has {len(content):,} bytes; receivers take {webhook.MAX_BODY_BYTES:,}")
    try:
        response = exchange(client, "POST", receiver, headers=headers, content=content)
    except httpx.TransportError as error:
        return _Answer(None, in_words(error))
    response.close()
    return _judge(response, now)


def _webhook_text(message: outbox.QueuedMessage) -> str:
    body = json.loads(message.body)
    return webhook.canonical_json(webhook.enveloped(body, message.kind, message.created_at))


def _judge(response: httpx.Response, now: datetime) -> _Answer:
    status = response.status_code
    if response.is_success:
        return _Answer(status, None)
    said = f"{status} {response.reason_phrase}".strip()
    if response.is_redirect or 300 <= status < 400:
        return _Answer(status, f"answered {said}; redirects are not followed: configure the final address")
    if status in (400, 401, 403):
        said += clock_difference(response.headers.get("date"), now)
    return _Answer(status, f"answered {said}", retry_after(response.headers.get("retry-after"), now))


def _settle(
    ledger: Ledger, claimed: Claim, target: _Ready, answer: _Answer, now: datetime, jitter: Callable[[], float]
) -> tuple[MessageStatus, list[str]]:
    """Note how an attempt ended; how the message stands, and what to say about a route that is held from now on."""
    attempts = claimed.message.attempts
    retry_at = None
    remedy = None
    is_gone = answer.http_status == httpx.codes.GONE and not isinstance(target.route, EmailRoute)
    is_final = is_gone or answer.remedy is not None
    held: list[str] = []
    if answer.error and is_gone:
        remedy = _gone(target.route.id, target.url_env)
    elif answer.error and is_final:
        remedy = answer.remedy
    elif answer.error and attempts < MAX_ATTEMPTS:
        retry_at = now + max(pause_before(attempts, jitter()), answer.retry_after or timedelta(0))
        remedy = f"It is tried again at {retry_at:%Y-%m-%d %H:%M:%S} UTC ({attempts} of {MAX_ATTEMPTS} attempts made)"
    elif answer.error:
        remedy = f"Given up after {attempts} attempts: repair {target.where}, then replay it"
    with ledger.write() as write:
        if answer.wait is not None:
            outbox.postpone(write, claimed, now, answer.error or "", now + answer.wait)
            return MessageStatus.PENDING, []
        if answer.error is None:
            outbox.count_success(write, target.route.id)
        elif not is_final:
            failures = outbox.count_failure(write, target.route.id)
            if failures >= FAILURES_BEFORE_HOLD:
                until = now + min(FIRST_HOLD * 2 ** min(failures - FAILURES_BEFORE_HOLD, 10), LONGEST_HOLD)
                why = f"{failures} failures in a row, the last: {answer.error}"
                outbox.hold_failing_route(write, target.route.id, until, why, now)
                held = [_held(target, until, why)]
        if answer.retry_after:
            outbox.hold_route(write, target.route.id, now + answer.retry_after)
        if is_gone:
            outbox.disable_route(write, target.route.id, audit.digest(target.url), now)
        status = outbox.settle(
            write, claimed, now,
            http_status=answer.http_status, error=answer.error, remedy=remedy, retry_at=retry_at,
        )  # fmt: skip
        if is_gone:
            outbox.mark_undeliverable(
                write, target.route.id, "the receiver answered 410 Gone", _gone(target.route.id, target.url_env)
            )
    return status, held


def _held(target: _Ready, until: datetime, why: str) -> str:
    return f"{target.route.id}: held until {until:%Y-%m-%d %H:%M:%S} UTC after {why}. Repair {target.where}"


def _park(ledger: Ledger, claimed: Claim, route_id: str, refusal: RefusedAddressError, now: datetime) -> None:
    """Nothing was sent: give the claim back and let the route's messages wait for configuration."""
    with ledger.write() as write:
        outbox.give_back(write, claimed, now, refusal.reason)
        outbox.mark_undeliverable(write, route_id, f"the address is refused: {refusal.reason}", refusal.remedy)


def _gone(route_id: str, url_env: str) -> str:
    return (
        f"{route_id}: its receiver answered 410 Gone, so nothing more is sent there. "
        f"Put the new address into {url_env}, or enable the route again; then replay the dead letter"
    )
