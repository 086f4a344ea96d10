"""The page of a replay of policies."""

from reports.replay.page import render_replay

__all__ = ["render_replay"]
