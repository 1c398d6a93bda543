"""Pairs whose better reply was written for Hoshi and whose worse one is that reply spoiled: python -m … COUNT FILE."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

from companion.core.paths import models_folder

_STIFF = (
    "As an AI language model, I don't have personal feelings or opinions.",
    "I'm sorry, but I'm just a computer program and can't help with that.",
    "Certainly! Here are some things to consider:",
)


def write_corrupted_pairs(path: Path, count: int, seed: int = 0) -> Path:
    """In turns: somebody else's reply, a stiff beginning, and the second half said twice."""
    chance = random.Random(seed)
    files = sorted((models_folder() / "hoshi" / "dialogues").glob("plain_*.jsonl"))
    talks = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    replies = [turn["content"] for talk in talks for turn in talk["messages"] if turn["role"] == "assistant"]
    with path.open("w", encoding="utf-8") as file:
        for number, talk in enumerate(chance.sample(talks, count)):
            at = chance.choice([i for i, turn in enumerate(talk["messages"]) if i and turn["role"] == "assistant"])
            better = talk["messages"][at]["content"]
            words = better.split()
            worse = (
                chance.choice(replies),
                f"{chance.choice(_STIFF)} {better}",
                " ".join([*words, *words[len(words) // 2 :], *words[len(words) // 2 :]]),
            )[number % 3]
            file.write(
                json.dumps({"id": talk["id"], "messages": talk["messages"][:at], "chosen": better, "rejected": worse}) + "\n"
            )
    return path


if __name__ == "__main__":
    write_corrupted_pairs(Path(sys.argv[2]), int(sys.argv[1]))
