"""The mood classifier's network in torch, and how it is trained; companion/mood/classifier.py computes the same in numpy."""

from __future__ import annotations

import collections
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from hidden_states import Decoder, starter_path
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from companion.core.moods import LABELS
from companion.llama.library import Library
from companion.llama.model import Model
from companion.mood.classifier import WIDTHS
from companion.mood.features import SPECIAL, Words, words

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]
SPOKEN = {
    **{"<name>": " John", "<number>": " 12", "<link>": " http", "<religion>": " Christian", "<heart>": " love"},
    **{"<smile>": " :)", "<laugh>": " :D", "<wink>": " ;)", "<tongue>": " :P", "<frown>": " :(", "<doubt>": " :/"},
}
"""How the language model reads the words that stand for a sign."""
BEFORE = "I feel"
"""Stands before each word while the language model reads it, so that every word is seen as a feeling if it can be one."""
LAYER = 8


class Options(NamedTuple):
    width: int = 128
    channels: int = 256
    hidden: int = 256
    epochs: int = 12
    batch: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    dropout: float = 0.4
    vector_dropout: float = 0.2
    word_dropout: float = 0.05
    scale: float = 0.3
    """Standard deviation of the word vectors at the start."""


def vocabulary(texts: list[str], least: int) -> list[str]:
    """The words seen at least `least` times, and the language model's own words, which it knows without having seen them."""
    counts = collections.Counter(word.lower() for text in texts for word in words(text))
    known = list(SPECIAL) + [word for word, count in counts.most_common() if count >= least and word not in SPECIAL]
    held = set(known)
    with Model(Library(), starter_path()) as model:
        for token in range(model.vocabulary.size):
            piece = model.vocabulary.piece(token).decode("utf-8", errors="replace")
            word = piece[1:]
            if piece[:1] == " " and len(word) > 2 and word.isascii() and word.isalpha() and word.islower() and word not in held:
                known.append(word)
                held.add(word)
    return known


def word_vectors(known: list[str], width: int) -> Floats:
    """(words, width): what the language model knows of each word, in its most telling directions, with deviation 1.

    The mean of the word's token embeddings, and its state after LAYER layers, each of length 1; then the first
    principal components.
    """
    decoder = Decoder()
    with Model(Library(), starter_path()) as model:
        tokenize = model.vocabulary.tokenize
        before = tokenize(BEFORE)
        tokens = [tokenize(SPOKEN.get(word, f" {word}" if word.isalpha() else word)) or [0] for word in known]
    embedding = decoder.embedding.float()
    means = torch.stack([embedding[torch.tensor(row)].mean(0) for row in tokens])
    states = torch.zeros_like(means)
    order = sorted(range(len(known)), key=lambda index: len(tokens[index]))
    with torch.inference_mode():
        for start in range(0, len(order), 512):
            group = order[start : start + 512]
            longest = max(len(tokens[index]) for index in group)
            rows = [before + tokens[index] + [0] * (longest - len(tokens[index])) for index in group]
            found = decoder.run(functional.embedding(torch.tensor(rows), decoder.embedding), 0, LAYER).float()
            for row, index in enumerate(group):
                states[index] = found[row, len(before) + len(tokens[index]) - 1]
    both = []
    for part in (means, states):
        centred = (part - part.mean(0)) / (part.std(0) + 1e-6)
        both.append(centred / centred.norm(dim=1, keepdim=True))
    joined = torch.cat(both, 1)
    joined -= joined.mean(0)
    _, _, directions = torch.svd_lowrank(joined, q=width + 10, niter=4)
    projected = joined @ directions[:, :width]
    result: Floats = (projected / projected.std()).numpy().astype(np.float32)
    return result


class Network(nn.Module):
    """Word numbers (sentences, words), 0 where there is none, to logits (sentences, labels)."""

    def __init__(self, vectors: Floats, options: Options) -> None:
        super().__init__()
        self.options = options
        self.vectors = nn.Embedding.from_pretrained(torch.tensor(vectors * options.scale), freeze=False, padding_idx=0)
        width, channels = vectors.shape[1], options.channels
        self.convolutions = nn.ModuleList(nn.Linear(size * width, channels) for size in WIDTHS)
        self.hidden = nn.Linear(2 * len(WIDTHS) * channels, options.hidden)
        self.output = nn.Linear(options.hidden, len(LABELS))
        nn.init.zeros_(self.output.weight)
        nn.init.constant_(self.output.bias, -3.0)

    def features(self, numbers: Tensor) -> Tensor:
        inside = numbers != 0
        inside[:, 0] = True
        if self.training:
            forgotten = (torch.rand(numbers.shape) < self.options.word_dropout) & inside
            numbers = numbers.masked_fill(forgotten, 1)  # <unknown>
        mask = inside.unsqueeze(-1)
        x = self.vectors(numbers)
        if self.training:  # the same dimensions in all words of a sentence (Gal & Ghahramani 2016)
            keep = 1 - self.options.vector_dropout
            x = x * (torch.rand(len(x), 1, x.shape[2]) < keep) / keep
        x = x * mask
        length, pooled = x.shape[1], []
        for width, convolution in zip(WIDTHS, self.convolutions, strict=True):
            padded = functional.pad(x, (0, 0, width // 2, width - 1 - width // 2))
            windows = torch.cat([padded[:, i : i + length] for i in range(width)], 2)
            channels = functional.relu(convolution(windows)) * mask
            pooled += [channels.amax(1), channels.sum(1) / mask.sum(1)]
        return functional.relu(self.hidden(self.drop(torch.cat(pooled, 1))))

    def drop(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.options.dropout, self.training)

    def forward(self, numbers: Tensor) -> Tensor:
        logits: Tensor = self.output(self.drop(self.features(numbers)))
        return logits


def numbered(texts: list[str], known: list[str]) -> list[list[int]]:
    reader = Words(known)
    return [reader.numbers(text) for text in texts]


def padded(rows: list[list[int]], group: Whole) -> Tensor:
    longest = max(len(rows[index]) for index in group)
    return torch.tensor([rows[index] + [0] * (longest - len(rows[index])) for index in group])


def shuffled(rows: list[list[int]], examples: Whole, size: int, chance: np.random.Generator) -> Iterator[Whole]:
    """Batches of sentences of similar length, in random order."""
    order = chance.permutation(examples)
    for start in range(0, len(order), size * 50):
        part = order[start : start + size * 50]
        part = part[np.argsort([len(rows[index]) for index in part], kind="stable")]
        batches = [part[i : i + size] for i in range(0, len(part), size)]
        for number in chance.permutation(len(batches)):
            yield batches[number]


def fit(vectors: Floats, rows: list[list[int]], targets: Floats, examples: Whole, options: Options, seed: int) -> Network:
    """Train a network on some of the rows; targets are (rows, labels)."""
    torch.manual_seed(seed)
    chance = np.random.default_rng(seed)
    network, goals, began = Network(vectors, options), torch.from_numpy(targets), time.monotonic()
    others = [parameter for name, parameter in network.named_parameters() if not name.startswith("vectors")]
    rate = options.learning_rate
    optimizer = torch.optim.AdamW(
        [{"params": others, "weight_decay": options.weight_decay}, {"params": network.vectors.parameters(), "weight_decay": 0.0}],
        lr=rate,
        fused=True,
    )
    steps = options.epochs * (len(examples) // options.batch + 2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps + 100, pct_start=0.1)
    for epoch in range(options.epochs):
        network.train()
        total = 0.0
        for group in shuffled(rows, examples, options.batch, chance):
            with torch.autocast("cpu", torch.bfloat16):
                logits = network(padded(rows, group)).float()
            loss = functional.binary_cross_entropy_with_logits(logits, goals[group], reduction="none").sum(1).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(group)
        print(f"  epoch {epoch + 1}: {total / len(examples):.4f} ({time.monotonic() - began:.0f} s)", flush=True)
    return network.eval()


def predict(network: Network, rows: list[list[int]], examples: Whole) -> tuple[Floats, Floats]:
    """Hidden features and logits of some rows, in their order."""
    features = np.zeros((len(examples), network.options.hidden), np.float32)
    order = np.argsort([len(rows[index]) for index in examples], kind="stable")
    with torch.inference_mode():
        for start in range(0, len(order), 256):
            part = order[start : start + 256]
            features[part] = network.features(padded(rows, examples[part])).numpy()
        logits: Floats = network.output(torch.from_numpy(features)).numpy()
    return features, logits
