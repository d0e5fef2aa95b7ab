"""The commands of `python -m churn`.

Each module has `add(commands)`, which adds its parsers; a command imports its dependencies when it
runs, so that `--help` is fast.
"""
