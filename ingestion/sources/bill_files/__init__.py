"""Bills as files of any kind that is known by its header."""
