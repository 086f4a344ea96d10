"""The command line: thin and lazy.

Here: arguments, progress, what is printed.
Not here: anything that another room decides. Heavy imports happen inside commands, so that ``--help`` is quick.
"""
