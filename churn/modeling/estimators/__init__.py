"""Classifiers that scikit-learn does not have."""
