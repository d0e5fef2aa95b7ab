"""The usual app: the fitted model, and a data frame of one row for each request."""

import os

import pandas as pd
from flask import Flask, jsonify, request

from churn.modeling.model import ChurnModel


def create_app() -> Flask:
    """The app; BENCHMARK_MODEL names the file that `ChurnModel.save` wrote."""
    model = ChurnModel.load(os.environ["BENCHMARK_MODEL"])
    app = Flask(__name__)

    @app.post("/predict")
    def predict():
        chance = model.predict_proba(pd.DataFrame([request.get_json()]))[0, 1]
        return jsonify(probability=float(chance), churn=bool(chance >= model.threshold))

    return app
