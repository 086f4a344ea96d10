"""Kinds of tokens in words, the same on every page.

Here: labels. Not here: what the kinds are (``finops.tokens``), what they cost (dbt).
"""

from __future__ import annotations

from finops.tokens import TokenClass

CLASS_WORDS = {
    TokenClass.INPUT_UNCACHED: "Input",
    TokenClass.CACHE_READ: "Input from cache",
    TokenClass.CACHE_WRITE_5M: "Cache write (5 min)",
    TokenClass.CACHE_WRITE_1H: "Cache write (1 h)",
    TokenClass.OUTPUT: "Output",
    TokenClass.REASONING: "Reasoning",
    TokenClass.INPUT_AUDIO: "Audio input",
    TokenClass.CACHE_READ_AUDIO: "Audio input from cache",
    TokenClass.OUTPUT_AUDIO: "Audio output",
    TokenClass.INPUT_IMAGE: "Image input",
    TokenClass.OUTPUT_IMAGE: "Image output",
}
