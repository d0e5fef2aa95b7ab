"""Probabilities as log odds and as losses, both finite."""

import numpy as np

# The log loss of a probability of exactly 0 or 1 is infinite if the prediction is wrong.
CLIP = 1e-6


def clipped(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities, at least `CLIP` away from 0 and 1."""
    inside: np.ndarray = np.clip(probabilities, CLIP, 1 - CLIP)
    return inside


def logit(probabilities: np.ndarray) -> np.ndarray:
    """ln(p / (1 - p))."""
    chance = clipped(probabilities)
    log_odds: np.ndarray = np.log(chance / (1 - chance))
    return log_odds


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """The probability: 1 / (1 + exp(-x))."""
    chance: np.ndarray = 1 / (1 + np.exp(-log_odds))
    return chance


def row_losses(target: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Each row's log loss in nats: -ln of the predicted probability of the true class."""
    chance = clipped(probabilities)
    return -np.log(np.where(target == 1, chance, 1 - chance))
