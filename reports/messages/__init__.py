"""Messages for people: one model, shown as a Teams card and as an e-mail.

Here: what is said of decisions, incidents, asks and the pipeline itself; both looks; pages that show a card.
Not here: when a message is due, and sending it (guardrails, orchestration).
"""

from reports.messages.card import teams_card
from reports.messages.cards import MAX_BYTES, MessageTooLargeError
from reports.messages.collected import collected_message
from reports.messages.decision import decision_message
from reports.messages.email import email_content
from reports.messages.gate import gate_message
from reports.messages.incident import incident_message
from reports.messages.mail import MAX_EMAIL_BYTES
from reports.messages.model import Message
from reports.messages.operations import failure_message, heartbeat_message, trial_message, undelivered_message
from reports.messages.preview import UnsupportedElementError, message_headline, preview_card, preview_message

__all__ = [
    "MAX_BYTES",
    "MAX_EMAIL_BYTES",
    "Message",
    "MessageTooLargeError",
    "UnsupportedElementError",
    "collected_message",
    "decision_message",
    "email_content",
    "failure_message",
    "gate_message",
    "heartbeat_message",
    "incident_message",
    "message_headline",
    "preview_card",
    "preview_message",
    "teams_card",
    "trial_message",
    "undelivered_message",
]
