"""targeting: whom a call would keep, learned from experiments and tested like a model.

An `Experiment` has known assignment probabilities. Effects are predicted for customers that the
`learners` have not seen (`effects`), their ranking is measured (`uplift`), and policies are
compared by what they would have earned (`policies`). Only a policy that is surely better than
calling the riskiest replaces that.
"""
