"""Carrying orders out ourselves, so that each can be taken back.

Here: the interface of an actuator, the sequence that survives being cut off, the record that everything is put back
from, and one module per system: Kubernetes, Azure, OpenAI, LiteLLM, tickets.
Not here: deciding (decide), the queue of orders and its retries (outbox, delivery).
"""
