"""Guardrails: policy → decision → ledger → outbox → delivery → audit.

Here: judging the facts of ``fct_guardrail_facts``, remembering what was decided, and getting it to whoever acts on it.
Not here: computing facts (dbt), the look of messages (reports), when to run (orchestration).
"""

from guardrails.approvals import (
    ApprovalError,
    Question,
    Teller,
    Vote,
    approve,
    deny,
    expire_approvals,
    question,
    questions,
)
from guardrails.audit import AuditReport, Removed
from guardrails.decide import Assessment, Decision, State, TargetKey, TargetState, assess, decide
from guardrails.delivery import DeliverySummary, deliver_pending
from guardrails.evaluate import EvaluationSummary, evaluate
from guardrails.explain import meaning, never_acts
from guardrails.facts import FactError, GuardrailFact
from guardrails.facts import from_rows as facts_from_rows
from guardrails.feedback import Feedback, Occasion, Verdict, feedback_given, record_feedback
from guardrails.feedback import Kind as FeedbackKind
from guardrails.ledger import DecisionRecord, Ledger, LedgerError
from guardrails.messages import Message, Render, plan_messages
from guardrails.outbox import (
    Attempt,
    MessageStatus,
    QueuedMessage,
    attempts,
    dead_letters,
    enable_route,
    messages,
    queue_notification,
    replay_dead_letter,
    write_messages,
)
from guardrails.overrides import BrokenGlass, OverrideError, override
from guardrails.replay import replay
from guardrails.states import IllegalTransitionError, Level, Status, Suppression
from guardrails.webhook import webhook_body, webhook_schema

__all__ = [
    "ApprovalError",
    "Assessment",
    "Attempt",
    "AuditReport",
    "BrokenGlass",
    "Decision",
    "DecisionRecord",
    "DeliverySummary",
    "EvaluationSummary",
    "FactError",
    "Feedback",
    "FeedbackKind",
    "GuardrailFact",
    "IllegalTransitionError",
    "Ledger",
    "LedgerError",
    "Level",
    "Message",
    "MessageStatus",
    "Occasion",
    "OverrideError",
    "Question",
    "QueuedMessage",
    "Removed",
    "Render",
    "State",
    "Status",
    "Suppression",
    "TargetKey",
    "TargetState",
    "Teller",
    "Verdict",
    "Vote",
    "approve",
    "assess",
    "attempts",
    "dead_letters",
    "decide",
    "deliver_pending",
    "deny",
    "enable_route",
    "evaluate",
    "expire_approvals",
    "facts_from_rows",
    "feedback_given",
    "meaning",
    "messages",
    "never_acts",
    "override",
    "plan_messages",
    "question",
    "questions",
    "queue_notification",
    "record_feedback",
    "replay",
    "replay_dead_letter",
    "webhook_body",
    "webhook_schema",
    "write_messages",
]
