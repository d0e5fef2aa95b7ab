"""Export fitted models as programs of plain values, and compare both.

- models: a model as a scorer, and the agreement of the two
- formulas: derived features as steps
- estimators: an estimator as steps, whatever its family
- linear: regressions and neural nets, a table for each column
- trees: boosting, oblivious trees and forests as arrays
- builder: builds a program step by step
"""
