"""The simulator's HTTP server: Azure Monitor, Prometheus, and receivers for Teams and webhooks.

Here: protocols, as their real counterparts speak them.
Not here: the data they serve (``simulator.telemetry``).
"""

from simulator.server.app import SimulatorServer, serve

__all__ = ["SimulatorServer", "serve"]
