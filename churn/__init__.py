"""churn: who is about to leave, why, whom to call, and whether calling worked."""

# Metaflow ships this package with the code of every flow that imports it.
METAFLOW_PACKAGE_POLICY = "include"
