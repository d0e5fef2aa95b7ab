"""Fitted models as programs of plain values, and held to the models' own answers.

- models: a model as a scorer, and how far the two agree
- formulas: derived features as steps
- estimators: an estimator as steps, whatever its family
- linear: regressions and neural nets, a table for each column
- trees: boosting, symmetric trees and forests as arrays
- builder: the program in the making
"""
