"""Facts and policies in, decisions out: pure, so that the past can be replayed and the future tried."""

from guardrails.decide.assess import assess, decide
from guardrails.decide.conclusion import can_undo, ended_steps, take_back
from guardrails.decide.identity import decision_id, target_key
from guardrails.decide.intent import Intent
from guardrails.decide.judgement import judge, measure
from guardrails.decide.model import Assessment, Decision, Mode, Override, State, TargetKey, TargetState
from guardrails.decide.questions import answered, approved, lapse
from guardrails.decide.schedule import next_open

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
