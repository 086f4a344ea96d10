"""Azure's negotiated price sheet."""
