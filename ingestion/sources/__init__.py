"""One folder per kind of source: client (files or HTTP), rows (pure parsing), source (what is new, and its load)."""
