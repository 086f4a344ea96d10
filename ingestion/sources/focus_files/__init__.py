"""FOCUS files of any producer."""
