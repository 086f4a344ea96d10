"""Azure Cost Management exports in FOCUS format."""
