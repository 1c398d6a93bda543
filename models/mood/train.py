"""Trains the mood classifier, compares it with a linear head on the starter model, and writes weights and tables.

    .venv/bin/python models/mood/train.py --data ../shared/data/go_emotions

Everything is fitted and chosen on the training part; dev is only measured. Read `main` from top to bottom.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from linear import LinearHead, hidden_states
from network import Network, Options, fit, numbered, predict, vocabulary, word_vectors
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from tables import write_tables

from companion.core.moods import LABELS
from companion.mood import weights
from companion.mood.circumplex import targets
from companion.mood.classifier import WIDTHS, MoodReader, shown
from companion.mood.evaluation import Report, evaluate, measure, read_examples

HERE = Path(__file__).parent
SOFT = 0.4
"""Share of the linear head's opinion in what the network learns."""
Floats = NDArray[np.float32]


def main() -> None:
    options = read_options()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    texts, truth = read_examples(options.data / "train.tsv")
    dev_texts, dev_truth = read_examples(options.data / "dev.tsv")
    goals = truth.astype(np.float32)
    everything = np.arange(len(texts))
    folds = list(KFold(options.folds, shuffle=True, random_state=options.seed).split(texts))

    print("The linear heads")
    states = hidden_states(texts, cached(options, "train.npz"))
    dev_states = hidden_states(dev_texts, cached(options, "dev.npz"))
    held_out, reports, limits = {}, {}, {}
    for name, title, decay in (("last", LINEAR, 1e-3), ("middle", LINEAR_MIDDLE, 2e-3)):
        held_out[name] = np.zeros_like(goals)
        for rest, part in folds:
            held_out[name][part] = LinearHead(states[name][rest], goals[rest], decay).logits(states[name][part])
        head = LinearHead(states[name], goals, decay)
        affect = Ridge(alpha=100.0).fit(states[name].astype(np.float64), targets(truth))
        limits[title] = thresholds(truth, held_out[name])
        reports[title] = report(dev_truth, head.logits(dev_states[name]), limits[title], affect.predict(dev_states[name]))
        print_report(title, reports[title])

    print("The network over words")
    known = vocabulary(texts, options.least)
    vectors = word_vectors(known, Options().width)
    rows = numbered(texts, known)
    # Distillation (Hinton et al. 2015, arXiv:1503.02531): the head's opinion of examples it was not fitted on.
    taught = (1 - SOFT) * goals + SOFT * sigmoid(held_out["middle"]).astype(np.float32)
    held_out["network"] = np.zeros_like(goals)
    work = [*(rest for rest, _ in folds), everything]
    with ProcessPoolExecutor(options.threads, multiprocessing.get_context("spawn")) as pool:
        networks = list(pool.map(trained, repeat(vectors), repeat(rows), repeat(taught), work, repeat(options.seed)))
    network = networks.pop()
    for fold, (_, part) in zip(networks, folds, strict=True):
        held_out["network"][part] = predict(fold, rows, part)[1]
    features, _ = predict(network, rows, everything)
    affect = Ridge(alpha=10.0).fit(features, targets(truth))
    if options.cache is not None:
        np.savez(options.cache / "held_out.npz", truth=truth, **held_out)
    limits[NETWORK] = thresholds(truth, held_out["network"])
    save(options.output, network, known, limits[NETWORK], affect)

    reader = MoodReader.load(options.output)
    reports[NETWORK] = measure(reader, options.data / "dev.tsv")
    print_report(NETWORK, reports[NETWORK])
    print_latency(reader, dev_texts)
    write_tables(HERE / "README.md", reports, {name: sigmoid(found) for name, found in limits.items()}, NETWORK)


def trained(vectors: Floats, rows: list[list[int]], taught: Floats, examples: NDArray[np.int64], seed: int) -> Network:
    """One training in a process of its own, with one thread: the same numbers on every run."""
    torch.set_num_threads(1)
    return fit(vectors, rows, taught, examples, Options(), seed)


LINEAR = "linear head on SmolLM2, mean of the last layer"
LINEAR_MIDDLE = "linear head on SmolLM2, layer 14, mean and last"
NETWORK = "network over words"


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with train.tsv and dev.tsv")
    parser.add_argument("--output", type=Path, default=HERE / "mood.weights")
    parser.add_argument("--cache", type=Path, help="a folder in which hidden states are kept from run to run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folds", type=int, default=4, help="of the cross-validation for the thresholds")
    parser.add_argument("--least", type=int, default=2, help="how often a word must occur to be learnt")
    parser.add_argument("--threads", type=int, default=2, help="networks trained at the same time")
    return parser.parse_args()


def cached(options: argparse.Namespace, name: str) -> Path | None:
    if options.cache is not None:
        options.cache.mkdir(parents=True, exist_ok=True)
    return options.cache / name if options.cache is not None else None


def sigmoid(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-logits.astype(np.float64)))


def thresholds(truth: NDArray[np.bool_], logits: Floats, smooth: float = 0.1) -> NDArray[np.float64]:
    """The logit per label from which predicting it gives the best F1, on held-out predictions.

    F1 is first smoothed over neighbouring thresholds (a tenth of the label's examples wide), because the raw maximum
    of a label with 77 examples is luck.
    """
    found = np.zeros(len(LABELS))
    for label in range(len(LABELS)):
        order = np.argsort(-logits[:, label], kind="stable")
        hits = np.cumsum(truth[order, label])
        f1 = 2 * hits / (np.arange(len(hits)) + 1 + hits[-1])
        reach = max(3, int(hits[-1] * smooth))
        f1 = np.convolve(np.pad(f1, reach, mode="edge"), np.ones(2 * reach + 1) / (2 * reach + 1), "valid")
        best = int(f1.argmax())
        found[label] = logits[order[best : best + 2], label].mean()
    return found


def report(truth: NDArray[np.bool_], logits: Floats, limits: NDArray[np.float64], affect: Floats) -> Report:
    scores = sigmoid(logits - limits).astype(np.float32)
    return evaluate(truth, scores, shown(logits, limits.astype(np.float32)), *np.clip(affect.T, -1, 1))


def save(path: Path, network: Network, known: list[str], limits: NDArray[np.float64], affect: Ridge) -> None:
    def of(layer: torch.nn.Module, name: str) -> dict[str, Floats]:
        weight, bias = (layer.get_parameter(part).detach().numpy() for part in ("weight", "bias"))
        return {name: weight.T.copy(), f"{name}.bias": bias}

    arrays = {"vectors": network.vectors.weight.detach().numpy()}
    for width, convolution in zip(WIDTHS, network.convolutions, strict=True):
        arrays |= of(convolution, f"convolution{width}")
    arrays |= of(network.hidden, "hidden") | of(network.output, "output")
    arrays["thresholds"] = limits.astype(np.float32)
    arrays |= {"affect": affect.coef_.T.astype(np.float32), "affect.bias": affect.intercept_.astype(np.float32)}
    kinds: dict[str, Literal["int8", "float16", "float32"]] = {"vectors": "int8"}
    weights.write(path, weights.Weights(arrays, known), kinds)
    path.chmod(0o644)


def print_report(title: str, found: Report) -> None:
    print(
        f"{title}: macro-F1 {found.macro_f1:.4f}, micro-F1 {found.micro_f1:.4f}, AUC {found.auc:.4f}, "
        f"Ekman macro-F1 {found.group_macro_f1:.4f}, group shown right {found.group_accuracy:.4f}, "
        f"valence R² {found.valence.r2:.3f}, arousal R² {found.arousal.r2:.3f}",
        flush=True,
    )


def print_latency(reader: MoodReader, texts: list[str]) -> None:
    times = []
    for text in texts:
        began = time.perf_counter()
        reader.read([text])
        times.append((time.perf_counter() - began) * 1000)
    print(f"Per sentence: median {statistics.median(times):.2f} ms, p95 {statistics.quantiles(times, n=20)[-1]:.2f} ms")


if __name__ == "__main__":
    main()
