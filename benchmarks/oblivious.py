"""Our oblivious trees compared with CatBoost's: the same rows, columns and settings.

    python benchmarks/oblivious.py PEERS_PYTHON [TABLE ID TARGET POSITIVE]...

PEERS_PYTHON is the interpreter of a virtual environment with benchmarks/peers.txt, of which only
CatBoost is used. Both models are fitted to the same numeric matrix, in which levels are replaced by
their churn rate, and stop early on the same validation rows. The output for each table: the log
loss on test rows, over a few splits, the paired difference, and the CPU seconds of the fits.

CatBoost's model, saved as JSON, is also read into the tables of ours. Both give the same
probabilities, so a difference between the two comes from the growth of the trees, not their form.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

DEPTH, RATE, L2, NEWTON_STEPS, PATIENCE, MAX_ITER = 4, 0.1, 3.0, 10, 60, 2_000
SPLITS, ROWS = 3, 10_000


def fit_catboost(folder: Path) -> None:
    """In the peers' environment: fit to `rows.npz`, write `model.json` and `fit.npz`."""
    from catboost import CatBoostClassifier

    rows = np.load(folder / "rows.npz")
    model = CatBoostClassifier(
        iterations=MAX_ITER, depth=DEPTH, learning_rate=RATE, l2_leaf_reg=L2,
        leaf_estimation_method="Newton", leaf_estimation_iterations=NEWTON_STEPS,
        bootstrap_type="No", random_strength=1.0, border_count=128, boosting_type="Plain",
        od_type="Iter", od_wait=PATIENCE, thread_count=1, random_seed=0, verbose=False,
        allow_writing_files=False,
    )  # fmt: skip
    start = time.process_time()
    model.fit(rows["train"], rows["y_train"], eval_set=(rows["val"], rows["y_val"]))
    seconds = time.process_time() - start
    model.save_model(folder / "model.json", format="json")
    chance = model.predict_proba(rows["test"])[:, 1]
    np.savez(folder / "fit.npz", chance=chance, seconds=seconds, trees=model.tree_count_)


def read_catboost(path: Path, n_columns: int):
    """A numeric CatBoost model for two classes, from its JSON, as an ObliviousTreesClassifier.

    CatBoost goes right where a float32 value is above a border, and left where it is missing. Its
    first split decides the lowest bit of a leaf's index, as ours does.
    """
    from churn.modeling.estimators.oblivious import ObliviousTreesClassifier
    from churn.modeling.estimators.oblivious_grower import ObliviousTree

    found = json.loads(path.read_text())
    model = ObliviousTreesClassifier(np.zeros(n_columns, dtype=bool))
    features = found["features_info"]["float_features"]
    if {feature["nan_value_treatment"] for feature in features} - {"AsIs", "AsFalse"}:
        raise ValueError("missing values must go left")
    model.borders_ = [np.array(feature["borders"] or []) for feature in features]
    scale, (bias,) = found["scale_and_bias"]
    model.encoder_, model.baseline_ = None, float(bias)
    model.trees_ = []
    for tree in found["oblivious_trees"]:
        columns = [split["float_feature_index"] for split in tree["splits"]]
        borders = [split["border"] for split in tree["splits"]]
        # Bin 0 holds missing values, bin 1 values up to the first border.
        thresholds = [
            1 + int(np.searchsorted(model.borders_[column], border))
            for column, border in zip(columns, borders, strict=True)
        ]
        values = scale * np.array(tree["leaf_values"])
        model.trees_.append(ObliviousTree(columns, thresholds, values))
    return model


def prepare(source: str, keys: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The encoded matrix, which of its columns are categories, and the target."""
    from churn.data.inference import infer_contract
    from churn.data.leakage import act_on, find_leaks
    from churn.data.parsing import labels
    from churn.data.readers import load_table
    from churn.data.validation import validate_data
    from churn.modeling.encoder import FeatureEngineer

    table = load_table(source)
    contract = infer_contract(table, id=keys[0], target=keys[1], positive=keys[2])
    frame = validate_data(table, contract, 1.0).frame
    contract = act_on(find_leaks(frame, labels(frame, contract), contract), contract, "drop")
    rows = np.random.default_rng(0).permutation(len(frame))[:ROWS]
    engineer = FeatureEngineer(contract)
    matrix = engineer.transform(frame.iloc[rows])
    return matrix, engineer.levels > 0, labels(frame.iloc[rows], contract)


def compare(matrix, categorical, target, seed: int, peers: str) -> dict[str, float]:
    """Fit both to one split; losses of the test rows, seconds, and the gap of the conversion."""
    from sklearn.preprocessing import TargetEncoder

    from churn.modeling.estimators.oblivious import ObliviousTreesClassifier
    from churn.statistics.log_odds import row_losses

    part = np.random.default_rng(seed).choice(3, len(target), p=[0.6, 0.2, 0.2])
    encoder = TargetEncoder(target_type="binary", smooth=10.0)
    numbers = matrix.copy()
    if categorical.any():
        encoder.fit(matrix[part == 0][:, categorical], target[part == 0])
        numbers[:, categorical] = encoder.transform(matrix[:, categorical])
    numbers = numbers.astype(np.float32).astype(np.float64)  # CatBoost's precision
    train, val, test = (numbers[part == number] for number in range(3))
    y_train, y_val, y_test = (target[part == number] for number in range(3))
    ours = ObliviousTreesClassifier(
        np.zeros(numbers.shape[1], dtype=bool), learning_rate=RATE, depth=DEPTH, l2=L2,
        newton_steps=NEWTON_STEPS, max_iter=MAX_ITER, early_stopping=True,
        n_iter_no_change=PATIENCE,
    )  # fmt: skip
    start = time.process_time()
    ours.fit(train, y_train, X_val=val, y_val=y_val)
    seconds = time.process_time() - start
    ours.truncate(int(np.argmax(ours.validation_score_)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "rows.npz", train=train, y_train=y_train, val=val, y_val=y_val, test=test)
        subprocess.run([peers, __file__, "fit", name], check=True)
        theirs = np.load(folder / "fit.npz")
        read = read_catboost(folder / "model.json", numbers.shape[1])
        gap = np.abs(read.predict_proba(test)[:, 1] - theirs["chance"]).max()
        chances = ours.predict_proba(test)[:, 1], theirs["chance"]
        difference = row_losses(y_test, chances[0]) - row_losses(y_test, chances[1])
        return {
            "ours": row_losses(y_test, chances[0]).mean(),
            "catboost": row_losses(y_test, chances[1]).mean(),
            "difference": difference.mean(),
            "error": difference.std(ddof=1) / np.sqrt(len(difference)),
            "seconds": seconds,
            "catboost seconds": float(theirs["seconds"]),
            "trees": len(ours.trees_),
            "catboost trees": int(theirs["trees"]),
            "gap": gap,
        }


def main() -> None:
    """Print a line per table: means over splits."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peers", help="the Python of an environment with benchmarks/peers.txt")
    parser.add_argument("tables", nargs="*", help="TABLE ID TARGET POSITIVE, again and again")
    options = parser.parse_args()
    given = options.tables or ["telco", "customer_id", "churn", "Yes"]
    print(f"{'':28}{'ours':>9}{'CatBoost':>9}{'ours less it':>20}", end="")
    print(f"{'trees':>12}{'CPU s':>13}{'gap':>9}")
    for start in range(0, len(given), 4):
        source, *keys = given[start : start + 4]
        data = prepare(source, keys)
        rows = [compare(*data, seed, options.peers) for seed in range(SPLITS)]
        mean = {name: np.mean([row[name] for row in rows]) for name in rows[0]}
        error = np.sqrt(np.sum([row["error"] ** 2 for row in rows])) / SPLITS
        print(f"{Path(source).name:28}{mean['ours']:9.4f}{mean['catboost']:9.4f}"
              f"{mean['difference']:+10.4f} ± {error:.4f} "
              f"{mean['trees']:5.0f} {mean['catboost trees']:5.0f} "
              f"{mean['seconds']:6.2f} {mean['catboost seconds']:5.2f} "
              f"{max(row['gap'] for row in rows):9.0e}", flush=True)  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["fit"]:
        fit_catboost(Path(sys.argv[2]))
    else:
        main()
