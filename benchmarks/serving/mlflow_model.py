"""Write a ChurnModel as an MLflow model, scikit-learn's flavour, that answers probabilities.

PYTHONPATH=. VENV/bin/python benchmarks/serving/mlflow_model.py MODEL FOLDER

It runs in the peer's own virtual environment (benchmarks/serving-peers.txt). There is no signature,
which `mlflow models serve` would check each request against: that would cost it more time.
"""

import sys

import mlflow.sklearn

from churn.modeling.model import ChurnModel

model, folder = sys.argv[1:]
mlflow.sklearn.save_model(
    ChurnModel.load(model), folder, serialization_format="cloudpickle",
    pyfunc_predict_fn="predict_proba", pip_requirements=[],
)  # fmt: skip
