"""Data science: from a clean table to a fitted model.

- encoder: typed features as a float matrix
- search_space, search_file: candidates, built-in or from a file
- families, own_families: the estimators of candidates
- sample, cross_validation, budget: candidates on folds, pruned, and within the budget
- effort, repeated: more candidates, each on other folds and with other seeds
- search: the result of every candidate
- stack_weights, stacking: stacks of candidates
- scoring_cost, selection: the choice by log loss and by the cost to score
- model: the fitted artifact
- estimators: classifiers that scikit-learn does not have, and its private interfaces
- threads: the bound on OpenMP and BLAS
"""
