"""Statistics that every stage uses.

- log_odds: probabilities as log odds and as losses
- ranking: ROC-AUC, weighted and with its standard error
- intervals: the bootstrap over rows, Wilson's interval for a share
- logistic: penalised logistic regression on few terms
- bins: bins of a number at quantiles
- multiplicity: p-values of many tests
"""
