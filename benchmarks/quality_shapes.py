"""Generated tables of shapes that public churn tables do not have; see benchmarks/quality.py."""

import numpy as np
import pandas as pd


def interactions(n: int = 8_000) -> pd.DataFrame:
    """Numbers whose products, waves and thresholds matter, and a category that turns one."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 10))
    x[:, 3], x[:, 4] = np.exp(x[:, 3]), np.abs(x[:, 4])
    city, effects = rng.integers(0, 12, n), rng.normal(size=12)
    odds = (
        1.2 * x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + 0.5 * np.log(x[:, 3]) - 2
        - 1.5 * (x[:, 4] > 1) * (x[:, 5] > 0) + effects[city] * (1 + 0.5 * x[:, 6])
    )  # fmt: skip
    columns = {f"number_{place}": column.round(4) for place, column in enumerate(x.T)}
    return _table(columns | {"city": _texts("city", city)}, odds, rng)


def levels(n: int = 8_000) -> pd.DataFrame:
    """Categories of 8 to 60 levels, each with an effect of its own."""
    rng = np.random.default_rng(4)
    town, plan, agent = rng.integers(0, 60, n), rng.integers(0, 8, n), rng.zipf(1.6, n) % 40
    age, spend = rng.gamma(4, 10, n), rng.lognormal(3, 1, n)
    of_town, of_plan, of_agent = (rng.normal(0, 0.6, size) for size in (60, 8, 40))
    by_age = rng.normal(0, 0.6, (8, 3))
    odds = (
        of_town[town] + of_plan[plan] + of_agent[agent] + 0.3 * np.log(spend) - 0.01 * age - 3.2
        + by_age[plan, np.clip(age // 20, 0, 2).astype(int)]
    )  # fmt: skip
    texts = {"town": _texts("t", town), "plan": _texts("p", plan), "agent": _texts("a", agent)}
    return _table(texts | {"age": age.round(0), "spend": spend.round(2)}, odds, rng)


def rare(n: int = 2_500) -> pd.DataFrame:
    """Few customers, of whom one in thirty leaves."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n, 6))
    odds = 1.2 * x[:, 0] - 0.8 * np.maximum(x[:, 1], 0) ** 2 + 0.6 * x[:, 2] * (x[:, 3] > 0) - 4
    columns = {f"number_{place}": column.round(3) for place, column in enumerate(x.T)}
    return _table(columns, odds, rng)


def repeats(n: int = 8_000) -> pd.DataFrame:
    """Half of the customers nearly repeat another one, with the same answer."""
    rng = np.random.default_rng(6)
    frame = interactions(n)
    half = n // 2
    again = rng.integers(0, half, n - half)
    frame.iloc[half:] = frame.iloc[again].to_numpy()
    for name in ("number_7", "number_8"):  # these have no effect
        frame.loc[half:, name] += rng.normal(0, 0.05, n - half).round(4)
    return frame


def _texts(start: str, codes: np.ndarray) -> np.ndarray:
    return np.array([f"{start}{code}" for code in codes], dtype=object)


def _table(columns: dict[str, np.ndarray], odds: np.ndarray, rng) -> pd.DataFrame:
    left = (rng.random(len(odds)) < 1 / (1 + np.exp(-odds))).astype(int)
    return pd.DataFrame(columns | {"left": left})


SHAPES = {shape.__name__: shape for shape in (interactions, levels, rare, repeats)}
