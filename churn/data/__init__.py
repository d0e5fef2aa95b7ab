"""Data engineering: a table from where it lies to rows that keep their contract."""

from churn.data.inference import infer_contract
from churn.data.parsing import labels, parse_features
from churn.data.sample import generate_sample_data
from churn.data.split import content_hash, copies_across, holdout_mask
from churn.data.tables import TELCO, load_csv, load_table
from churn.data.validation import Validation, validate_data

__all__ = [
    "TELCO",
    "Validation",
    "content_hash",
    "copies_across",
    "generate_sample_data",
    "holdout_mask",
    "infer_contract",
    "labels",
    "load_csv",
    "load_table",
    "parse_features",
    "validate_data",
]
