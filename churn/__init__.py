"""churn: predict and explain churn, make call lists, and measure the effect of calling."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from churn.registry.loading import load as load

__all__ = ["load"]

# Metaflow ships this package with the code of every flow that imports it.
METAFLOW_PACKAGE_POLICY = "include"


def __getattr__(name: str) -> object:
    # Metaflow, pandas and scikit-learn are imported only when a model is loaded.
    if name != "load":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from churn.registry.loading import load

    return load
