"""Receiving what others send: programs that run beside the pipeline and leave closed files for a source to land."""
