"""Data engineering: a table from where it lies to rows that keep their contract."""

from churn.data.holdout import content_hash, holdout_mask, split_customers
from churn.data.inference import infer_contract, settle_contract
from churn.data.parsing import labels, parse_features
from churn.data.readers import TELCO, load_csv, load_table
from churn.data.synthetic import generate_sample_data
from churn.data.validation import Validation, validate_data

__all__ = [
    "TELCO",
    "Validation",
    "content_hash",
    "generate_sample_data",
    "holdout_mask",
    "infer_contract",
    "labels",
    "load_csv",
    "load_table",
    "parse_features",
    "settle_contract",
    "split_customers",
    "validate_data",
]
