"""What happened then: drift of inputs and scores, quality of matured cohorts, money, a verdict."""
