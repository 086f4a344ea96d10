"""A made-up organisation that speaks every provider's real wire format, with planted truths.

Here: files (billing exports, spans, outcomes) and an HTTP server (Azure Monitor, Prometheus, Teams and webhook
receivers).
Not here: anything that reads them. No other room imports this one; applications and tests do.
"""

from simulator.generate import Organisation, generate
from simulator.organisation import DEFAULT_AS_OF

__all__ = ["DEFAULT_AS_OF", "Organisation", "generate"]
