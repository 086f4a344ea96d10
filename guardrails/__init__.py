"""Guardrails: policy → decision → ledger → outbox → delivery → audit.

Here: judging the facts of ``fct_guardrail_facts``, remembering what was decided, and getting it to whoever acts on it.
Not here: computing facts (dbt), the look of messages (reports), when to run (orchestration).
"""

from guardrails.actuators.manage import Drift, Verification, verify_actuations
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
    vote_in,
)
from guardrails.audit import AuditReport, Removed
from guardrails.decide import Assessment, Decision, State, TargetKey, TargetState, assess, decide
from guardrails.delivery import DeliverySummary, deliver_pending
from guardrails.evaluate import EvaluationSummary, evaluate
from guardrails.explain import meaning, never_acts
from guardrails.facts import FactError, GuardrailFact
from guardrails.facts import from_rows as facts_from_rows
from guardrails.feedback import Feedback, Occasion, Verdict, feedback_given, record_feedback, record_feedback_in
from guardrails.feedback import Kind as FeedbackKind
from guardrails.ledger import DecisionRecord, Ledger, LedgerError, Write
from guardrails.links import Link, LinkAction, LinkError, LinkKeyError, LinkKeys
from guardrails.messages import Message, Render, plan_messages
from guardrails.notices import (
    Answer,
    ToTell,
    answers,
    decisions_to_tell,
    follow_up,
    lost_orders,
    newest_document,
    notices_of,
    open_threads,
    planned,
    record_notices,
    respond,
    respond_in,
    thread_of_decision,
    thread_of_message,
)
from guardrails.outbox import (
    Attempt,
    MessageStatus,
    QueuedMessage,
    attempts,
    dead_letters,
    due_messages,
    enable_route,
    known_messages,
    messages,
    queue_notification,
    replay_dead_letter,
    route_record,
    write_messages,
)
from guardrails.overrides import BrokenGlass, OverrideError, override
from guardrails.replay import replay
from guardrails.routing import Held, Notice, Plan, Send, Silence, due_heartbeats
from guardrails.states import IllegalTransitionError, Level, Status, Suppression
from guardrails.webhook import webhook_body, webhook_schema

__all__ = [
    "Answer",
    "ApprovalError",
    "Assessment",
    "Attempt",
    "AuditReport",
    "BrokenGlass",
    "Decision",
    "DecisionRecord",
    "DeliverySummary",
    "Drift",
    "EvaluationSummary",
    "FactError",
    "Feedback",
    "FeedbackKind",
    "GuardrailFact",
    "Held",
    "IllegalTransitionError",
    "Ledger",
    "LedgerError",
    "Level",
    "Link",
    "LinkAction",
    "LinkError",
    "LinkKeyError",
    "LinkKeys",
    "Message",
    "MessageStatus",
    "Notice",
    "Occasion",
    "OverrideError",
    "Plan",
    "Question",
    "QueuedMessage",
    "Removed",
    "Render",
    "Send",
    "Silence",
    "State",
    "Status",
    "Suppression",
    "TargetKey",
    "TargetState",
    "Teller",
    "ToTell",
    "Verdict",
    "Verification",
    "Vote",
    "Write",
    "answers",
    "approve",
    "assess",
    "attempts",
    "dead_letters",
    "decide",
    "decisions_to_tell",
    "deliver_pending",
    "deny",
    "due_heartbeats",
    "due_messages",
    "enable_route",
    "evaluate",
    "expire_approvals",
    "facts_from_rows",
    "feedback_given",
    "follow_up",
    "known_messages",
    "lost_orders",
    "meaning",
    "messages",
    "never_acts",
    "newest_document",
    "notices_of",
    "open_threads",
    "override",
    "plan_messages",
    "planned",
    "question",
    "questions",
    "queue_notification",
    "record_feedback",
    "record_feedback_in",
    "record_notices",
    "replay",
    "replay_dead_letter",
    "respond",
    "respond_in",
    "route_record",
    "thread_of_decision",
    "thread_of_message",
    "verify_actuations",
    "vote_in",
    "webhook_body",
    "webhook_schema",
    "write_messages",
]
