"""Customers generated from a known model, so that the true probability of leaving is known.

The columns are those of the Telco table. A customer leaves with probability
`1 / (1 + exp(-score))`, where `score` is the sum that `log_odds` writes out: a strong effect of the
contract, a concave one of tenure, one of price that depends on the line, an interaction of support
and line, and small effects of the rest. Several columns have no effect, and no hidden variable has
one, so the error of a model is limited by the number of rows only.
"""

from typing import Literal, overload

import numpy as np
import pandas as pd

from churn.data.frames import category

_YES_NO = ("No", "Yes")
_INTERNET = ("DSL", "Fiber optic", "No")
_CONTRACTS = ("Month-to-month", "One year", "Two year")
_PAYMENTS = (
    "Bank transfer (automatic)",
    "Credit card (automatic)",
    "Electronic check",
    "Mailed check",
)
_EXTRAS = (
    "online_security",
    "online_backup",
    "device_protection",
    "tech_support",
    "streaming_tv",
    "streaming_movies",
)


@overload
def generate_sample_data(
    n_customers: int, seed: int = 0, return_probability: Literal[False] = False
) -> pd.DataFrame: ...
@overload
def generate_sample_data(
    n_customers: int, seed: int = 0, *, return_probability: Literal[True]
) -> tuple[pd.DataFrame, np.ndarray]: ...
def generate_sample_data(
    n_customers: int, seed: int = 0, return_probability: bool = False
) -> pd.DataFrame | tuple[pd.DataFrame, np.ndarray]:
    """Generate customers that fit the Telco contract.

    Parameters
    ----------
    n_customers : int
        Number of rows; ten million need less than 1 GiB.
    seed : int
        The same seed gives the same customers.
    return_probability : bool
        Whether to return the true probabilities too.

    Returns
    -------
    DataFrame of n_customers rows, or a tuple of it and an (n_customers,) float64 array
    """
    if n_customers < 1:
        raise ValueError(f"n_customers must be at least 1, not {n_customers}")
    rng = np.random.default_rng(seed)
    draw = draw_customers(n_customers, rng)
    probability = 1 / (1 + np.exp(-log_odds(draw)))
    churned = rng.random(n_customers) < probability
    frame = to_frame(draw, churned)
    return (frame, probability) if return_probability else frame


def draw_customers(n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Sample n customers: flags and codes as int8, numbers, each of shape (n,)."""

    def flag(share: float) -> np.ndarray:
        return (rng.random(n) < share).astype(np.int8)

    def choice(shares: list[float]) -> np.ndarray:
        return np.searchsorted(np.cumsum(shares)[:-1], rng.random(n), side="right").astype(np.int8)

    draw = {
        "female": flag(0.5),
        "senior_citizen": flag(0.16),
        "partner": flag(0.48),
        "dependents": flag(0.3),
        "phone_service": flag(0.9),
        "paperless_billing": flag(0.59),
        "internet_service": choice([0.34, 0.44, 0.22]),
        "payment_method": choice([0.22, 0.22, 0.33, 0.23]),
        "multiple_lines": flag(0.47),
        **{name: flag(0.4) for name in _EXTRAS},
    }
    loyal = rng.beta(0.9, 1.1, n)
    draw["tenure"] = np.floor(loyal * 73).astype(np.int16)
    longer = loyal + rng.normal(0, 0.25, n)
    draw["contract"] = np.searchsorted([0.55, 0.8], longer).astype(np.int8)
    online = draw["internet_service"] != 2
    price = 20 + 5 * draw["multiple_lines"] * draw["phone_service"]
    price = price + np.choose(draw["internet_service"], [25, 50, 0])
    price = price + online * 5 * sum(draw[name] for name in _EXTRAS)
    draw["monthly_charges"] = np.round(price + rng.normal(0, 2, n), 2)
    paid = draw["tenure"] * draw["monthly_charges"] * rng.normal(1, 0.05, n)
    draw["total_charges"] = np.round(np.maximum(paid, 0), 2)
    return draw


def log_odds(draw: dict[str, np.ndarray]) -> np.ndarray:
    """The true log odds of leaving of sampled customers, float64 of shape (n,)."""
    fiber = draw["internet_service"] == 1
    online = draw["internet_service"] != 2
    supported = online & (draw["tech_support"] == 1)
    secured = online & (draw["online_security"] == 1)
    odds: np.ndarray = (
        -0.6
        - np.choose(draw["contract"], [0.0, 1.3, 2.2])
        - 0.9 * np.log1p(draw["tenure"] / 6)
        + 0.025 * (draw["monthly_charges"] - 45) * (draw["contract"] == 0)
        + 0.8 * fiber
        - 0.9 * (fiber & supported)
        + 0.5 * (draw["payment_method"] == 2)
        + 0.3 * draw["paperless_billing"]
        + 0.4 * draw["senior_citizen"]
        - 0.3 * draw["dependents"]
        - 0.4 * secured
    )
    return odds


def to_frame(draw: dict[str, np.ndarray], churned: np.ndarray) -> pd.DataFrame:
    """Sampled customers as a table, numbered from 1, with their labels."""
    n = len(churned)
    online = draw["internet_service"] != 2
    columns: dict[str, np.ndarray | pd.Categorical] = {"customer_id": np.arange(1, n + 1)}
    for name in ("female", "senior_citizen", "partner", "dependents", "tenure", "phone_service"):
        columns[name] = draw[name]
    columns["multiple_lines"] = category(
        np.where(draw["phone_service"] == 1, draw["multiple_lines"], 2),
        [*_YES_NO, "No phone service"],
    )
    columns["internet_service"] = category(draw["internet_service"], _INTERNET)
    for name in _EXTRAS:
        columns[name] = category(np.where(online, draw[name], 2), [*_YES_NO, "No internet service"])
    columns["contract"] = category(draw["contract"], _CONTRACTS)
    columns["paperless_billing"] = draw["paperless_billing"]
    columns["payment_method"] = category(draw["payment_method"], _PAYMENTS)
    columns["monthly_charges"] = draw["monthly_charges"]
    columns["total_charges"] = draw["total_charges"]
    columns["churn"] = category(churned.astype(np.int8), _YES_NO)
    return pd.DataFrame(columns, copy=False)
