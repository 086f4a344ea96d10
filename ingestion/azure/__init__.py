"""Azure itself, beside the data: signing in, what an identity may do, preparing a subscription.

Here: Azure Resource Manager.
Not here: the sources that read Azure's data (``ingestion.sources.azure_*``).
"""
