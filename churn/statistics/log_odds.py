"""Probabilities as log odds and as losses, both kept off infinity."""

import numpy as np

# A probability of exactly 0 or 1 would make one wrong answer cost infinitely much.
CLIP = 1e-6


def clipped(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities, at least `CLIP` away from 0 and 1."""
    return np.clip(probabilities, CLIP, 1 - CLIP)


def logit(probabilities: np.ndarray) -> np.ndarray:
    """ln(p / (1 - p))."""
    chance = clipped(probabilities)
    return np.log(chance / (1 - chance))


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """The probability: 1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-log_odds))


def row_losses(target: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Each row's log loss in nats: -ln of the probability given to what happened."""
    chance = clipped(probabilities)
    return -np.log(np.where(target == 1, chance, 1 - chance))
