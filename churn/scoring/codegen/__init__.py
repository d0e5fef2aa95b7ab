"""Fitted models written out as plain Python, and held to the models' own answers.

- models: a model as a `churn.scoring.scorer.Scorer`, and how far the two agree
- estimators: an estimator as source, whatever its family
- linear: regressions and neural nets, a table for each column
- trees: boosting as nested conditions, forests as arrays that are walked
- source: the function in the making
"""
