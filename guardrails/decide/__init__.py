"""Facts and policies in, decisions out: pure, so that the past can be replayed and the future tried."""

from guardrails.decide.assess import assess, decide
from guardrails.decide.identity import decision_id, target_key
from guardrails.decide.judgement import judge, measure
from guardrails.decide.model import Assessment, Decision, Mode, Override, State, TargetKey, TargetState
from guardrails.decide.schedule import next_open
from guardrails.decide.transition import Intent, answered, approved, can_undo, ended_steps, lapse, take_back

__all__ = [
    "Assessment",
    "Decision",
    "Intent",
    "Mode",
    "Override",
    "State",
    "TargetKey",
    "TargetState",
    "answered",
    "approved",
    "assess",
    "can_undo",
    "decide",
    "decision_id",
    "ended_steps",
    "judge",
    "lapse",
    "measure",
    "next_open",
    "take_back",
    "target_key",
]
