"""Monitor a model in use: drift of inputs and scores, outcomes, money, and a verdict.

`predictions` and `inputs` read predictions and outcomes; `drift` and `two_sample` test whether the
distribution of customers has changed, `profit_drift` whether their expected profit has; `labels`,
`cohorts`, `cohort_metrics` and `deterioration` compare outcomes with predictions; `verdict` decides
what to do, `notify` sends the verdict, and `evidently_report` makes Evidently's report.
"""
