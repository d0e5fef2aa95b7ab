"""A Python function in the making: its lines, and the constants that it uses."""


class Source:
    """A function of one record, written line by line.

    Attributes
    ----------
    lines : list of str
    constants : dict of str to value
        What the lines refer to by name; picklable.
    """

    def __init__(self):
        self.lines: list[str] = []
        self.constants: dict = {}
        self._names = 0

    def name(self) -> str:
        """A name that is not taken."""
        self._names += 1
        return f"v{self._names}"

    def add(self, *lines: str) -> None:
        """Append lines, indented as given."""
        self.lines += lines

    def let(self, expression: str) -> str:
        """Give an expression a name, and return it."""
        name = self.name()
        self.add(f"{name} = {expression}")
        return name

    def constant(self, value) -> str:
        """Keep a value for the function, and return its name."""
        name = self.name()
        self.constants[name] = value
        return name

    def text(self, result: str) -> str:
        """The whole function; it returns `result`."""
        body = "".join(f"    {line}\n" for line in (*self.lines, f"return {result}"))
        return f"def score(record):\n{body}"
