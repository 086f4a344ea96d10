"""The assets, a module per stage of the way from a source to a message."""
