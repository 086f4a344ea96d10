"""Messages for Microsoft Teams: Adaptive Cards 1.4 in the envelope that Power Automate Workflows accepts.

Here: the cards, and a page that shows a card as Teams would.
Not here: when a message is due, and sending it (guardrails, orchestration).
"""

from reports.messages.cards import MAX_BYTES, MessageTooLargeError
from reports.messages.decision import decision_card
from reports.messages.failure import failure_card
from reports.messages.gate import gate_card
from reports.messages.incident import incident_card
from reports.messages.preview import UnsupportedElementError, preview_card

__all__ = [
    "MAX_BYTES",
    "MessageTooLargeError",
    "UnsupportedElementError",
    "decision_card",
    "failure_card",
    "gate_card",
    "incident_card",
    "preview_card",
]
