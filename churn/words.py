"""Counts in words, and lists of names in a text."""


def plural(n: int, one: str, many: str = "") -> str:
    """A number and what it counts: `1 row`, `1,000 rows`.

    Parameters
    ----------
    n : int
    one : str
        What one is called, and what follows from there being one: `row is`.
    many : str
        The same for any other number: `rows are`; by default `one` and an s.
    """
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"


def names(text: str) -> list[str]:
    """The names in a text, separated by commas, each once."""
    return list(dict.fromkeys(name for name in map(str.strip, text.split(",")) if name))
