"""Is a model still right: drift of inputs and scores, outcomes, money, and a verdict.

`predictions` and `inputs` read what was predicted and what happened; `drift` and `two_sample` test
whether customers are distributed as before, `profit_drift` what they are worth; `labels`,
`cohorts`, `cohort_metrics` and `deterioration` compare outcomes with predictions; `verdict`
decides, `notify` tells, and `evidently_report` draws.
"""
