"""Neural nets that share weights, trained on NumPy: forward, backward, AdamW, averaged weights.

The weights of all nets are computed from the shared ones before a step, as one array of matrices,
so that a layer is one product for all nets; the gradients of that array then give those of the
shared weights and of each net's scales.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Of AdamW: the decay of the means of gradients and of their squares, and what is added to a root.
DECAYS, TINY = (0.9, 0.95), 1e-8
# The learning rate rises over so many steps.
WARM_UP = 20
# Rows that are predicted at once: the hidden units of all nets take some ten thousand bytes a row.
PREDICT_ROWS = 4_096
# The decimals of averaged weights: they are trained in single precision, and stored as text.
DECIMALS = 6


@dataclass(frozen=True)
class Layer:
    """A layer of all nets.

    Attributes
    ----------
    weights : ndarray of float64, shape (nets, n_inputs, n_outputs)
    biases : ndarray of float64, shape (nets, n_outputs)
    """

    weights: np.ndarray
    biases: np.ndarray


def predict_log_odds(layers: Sequence[Layer], inputs: np.ndarray) -> np.ndarray:
    """The mean of the nets' log odds: (n,) float64.

    Parameters
    ----------
    layers : sequence of Layer
        All but the last are followed by a rectifier.
    inputs : ndarray of float64, shape (n, n_inputs)
    """
    starts = range(0, len(inputs), PREDICT_ROWS)
    parts = [_predict_some(layers, inputs[start : start + PREDICT_ROWS]) for start in starts]
    return np.concatenate(parts) if parts else np.empty(0)


def _predict_some(layers: Sequence[Layer], inputs: np.ndarray) -> np.ndarray:
    values = inputs
    for layer in layers[:-1]:
        values = np.maximum(values @ layer.weights + layer.biases[:, None], 0.0)
    outputs = values @ layers[-1].weights + layers[-1].biases[:, None]
    mean: np.ndarray = outputs[:, :, 0].mean(axis=0)
    return mean


class _SharedLayer:
    """Weights that all nets share, and each net's scales of inputs and outputs, and biases."""

    def __init__(
        self, n_inputs: int, n_outputs: int, nets: int, signs: bool, rng: np.random.Generator
    ):
        weights = rng.normal(0, np.sqrt(2 / n_inputs), (n_inputs, n_outputs))
        inputs = rng.choice([-1.0, 1.0], (nets, n_inputs)) if signs else np.ones((nets, n_inputs))
        outputs, biases = np.ones((nets, n_outputs)), np.zeros((nets, n_outputs))
        # float32 takes half the time, and no net needs more.
        self.parameters = [part.astype(np.float32) for part in (weights, inputs, outputs, biases)]

    def weights_of_nets(self) -> np.ndarray:
        weights, inputs, outputs, _ = self.parameters
        full: np.ndarray = inputs[:, :, None] * weights * outputs[:, None, :]
        return full

    def gradients(self, full: np.ndarray, biases: np.ndarray) -> list[np.ndarray]:
        """Those of the parameters, given those of the weights of all nets and of the biases."""
        weights, inputs, outputs, _ = self.parameters
        scaled = full * outputs[:, None, :]
        return [
            np.einsum("kio,ki->io", scaled, inputs),
            np.einsum("kio,io->ki", scaled, weights),
            np.einsum("kio,kio->ko", full, inputs[:, :, None] * weights),
            biases,
        ]


class _OwnLayer:
    """The last layer: weights of each net's own."""

    def __init__(self, n_inputs: int, nets: int, bias: float, rng: np.random.Generator):
        weights = rng.normal(0, np.sqrt(1 / n_inputs), (nets, n_inputs, 1))
        self.parameters = [weights.astype(np.float32), np.full((nets, 1), bias, np.float32)]

    def weights_of_nets(self) -> np.ndarray:
        return self.parameters[0]

    def gradients(self, full: np.ndarray, biases: np.ndarray) -> list[np.ndarray]:
        return [full, biases]


class Training:
    """The state of a training; see `churn.modeling.estimators.tabular_net` for its parameters."""

    def __init__(
        self,
        inputs: np.ndarray,
        target: np.ndarray,
        row_weights: np.ndarray | None,
        *,
        hidden: Sequence[int],
        nets: int,
        learning_rate: float,
        weight_decay: float,
        dropout: float,
        batch_size: int,
        average: float,
        seed: int,
    ):
        self.rng = np.random.default_rng(seed)
        weights = np.ones(len(target)) if row_weights is None else row_weights / row_weights.mean()
        self.inputs, self.target = inputs.astype(np.float32), target.astype(np.float32)
        self.row_weights = weights.astype(np.float32)
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        # A random byte decides which units a step leaves out.
        self.dropped, self.kept = (
            round(256 * dropout),
            np.float32(256 / (256 - round(256 * dropout))),
        )
        self.batch_size = min(batch_size, len(target))
        steps = len(target) // self.batch_size
        self.fresh = np.float32(1 / max(1.0, average * steps))

        widths = [inputs.shape[1], *hidden]
        rate = float(weights @ target / weights.sum())
        self.layers: list[_SharedLayer | _OwnLayer] = [
            *(
                _SharedLayer(n_inputs, n_outputs, nets, number == 0, self.rng)
                for number, (n_inputs, n_outputs) in enumerate(zip(widths, hidden, strict=False))
            ),
            _OwnLayer(widths[-1], nets, np.log(rate / (1 - rate)), self.rng),
        ]
        parameters = [part for layer in self.layers for part in layer.parameters]
        self.moments = [(np.zeros_like(part), np.zeros_like(part)) for part in parameters]
        self.steps = 0
        self.weights = [layer.weights_of_nets() for layer in self.layers]
        self.means = [(w.copy(), layer.parameters[-1].copy()) for w, layer in self._all()]

    def averaged(self) -> list[Layer]:
        """The averaged weights of all nets."""
        return [
            Layer(*(np.round(part.astype(np.float64), DECIMALS) for part in parts))
            for parts in self.means
        ]

    def run_epoch(self) -> None:
        """Take a step for each batch of the rows, shuffled; the rest of the rows is left out."""
        order = self.rng.permutation(len(self.target))
        for start in range(0, len(order) - self.batch_size + 1, self.batch_size):
            self._step(np.sort(order[start : start + self.batch_size]))

    def _all(self) -> list[tuple[np.ndarray, _SharedLayer | _OwnLayer]]:
        return list(zip(self.weights, self.layers, strict=True))

    def _step(self, rows: np.ndarray) -> None:
        values, active = [self.inputs[rows]], []
        for weights, layer in self._all()[:-1]:
            hidden = values[-1] @ weights
            hidden += layer.parameters[-1][:, None]
            on = hidden > 0
            if self.dropped:
                on &= self.rng.integers(0, 256, on.shape, np.uint8) >= self.dropped
                hidden *= self.kept
            hidden *= on
            values.append(hidden)
            active.append(on)
        outputs = (values[-1] @ self.weights[-1])[:, :, 0] + self.layers[-1].parameters[-1]
        slopes = (1 / (1 + np.exp(-outputs)) - self.target[rows]) * self.row_weights[rows]
        self._descend(self._gradients(values, active, slopes[:, :, None] / np.float32(len(rows))))

    def _gradients(
        self, values: list[np.ndarray], active: list[np.ndarray], slopes: np.ndarray
    ) -> list[np.ndarray]:
        """Those of all parameters, from the slopes of the loss by the outputs (backpropagation)."""
        found: list[np.ndarray] = []
        for number in reversed(range(len(self.layers))):
            full = np.swapaxes(values[number], -1, -2) @ slopes
            found = self.layers[number].gradients(full, slopes.sum(axis=1)) + found
            if number:
                slopes = slopes @ np.swapaxes(self.weights[number], 1, 2)
                slopes *= active[number - 1]
                if self.dropped:
                    slopes *= self.kept
        return found

    def _descend(self, gradients: list[np.ndarray]) -> None:
        self.steps += 1
        rate = self.learning_rate * min(1.0, self.steps / WARM_UP)
        fix, fix_squares = (np.float32(1 - decay**self.steps) for decay in DECAYS)
        parts = [
            (part, isinstance(layer, _SharedLayer) and place == 0)
            for layer in self.layers
            for place, part in enumerate(layer.parameters)
        ]
        for (part, decays), gradient, (mean, square) in zip(
            parts, gradients, self.moments, strict=True
        ):
            mean += np.float32(1 - DECAYS[0]) * (gradient - mean)
            square += np.float32(1 - DECAYS[1]) * (gradient**2 - square)
            if decays:
                part *= np.float32(1 - rate * self.weight_decay)
            part -= np.float32(rate) * (mean / fix) / (np.sqrt(square / fix_squares) + TINY)
        self.weights = [layer.weights_of_nets() for layer in self.layers]
        # Over the first steps all weights so far count alike.
        fresh = max(self.fresh, np.float32(1 / self.steps))
        for (weights, biases), (now, layer) in zip(self.means, self._all(), strict=True):
            weights += fresh * (now - weights)
            biases += fresh * (layer.parameters[-1] - biases)
