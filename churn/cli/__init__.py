"""The commands of `python -m churn`.

Each module has `add(commands)`, which adds its parsers; what a command needs is imported when it
runs, so that `--help` is quick.
"""
