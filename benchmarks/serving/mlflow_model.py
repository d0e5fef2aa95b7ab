"""Write a ChurnModel as an MLflow model of the scikit-learn flavour that returns probabilities.

PYTHONPATH=. VENV/bin/python benchmarks/serving/mlflow_model.py MODEL FOLDER

It runs in the peer's own virtual environment (benchmarks/serving-peers.txt). There is no signature,
against which `mlflow models serve` would check each request: that would make it slower.
"""

import sys

import mlflow.sklearn

from churn.modeling.model import ChurnModel

model, folder = sys.argv[1:]
mlflow.sklearn.save_model(
    ChurnModel.load(model), folder, serialization_format="cloudpickle",
    pyfunc_predict_fn="predict_proba", pip_requirements=[],
)  # fmt: skip
