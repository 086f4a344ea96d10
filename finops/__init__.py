"""The kernel: what every room agrees on.

Here: money, billing periods, the FOCUS vocabulary, token classes, the lake's tables, configuration, paths.
Not here: any input or output beyond reading configuration files, and nothing that needs a data-frame library.
"""
