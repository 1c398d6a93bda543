"""What the adapter changes, measured through the engine with the prompts of the program, and ten samples nobody edited.

    .venv/bin/python models/hoshi/measure.py [--adapter models/hoshi/hoshi.gguf] [--json FILE]

The probes were written before the first training and none of them is in the dialogues. A name probe tells a name, says
something else, and asks for the name: it counts when the answer holds it. Both sides use the program's own sampling.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from companion.core.character_library import built_in_character
from companion.core.conversation import Message
from companion.core.messages import AdapterUse, Piece
from companion.core.moods import split_sentences
from companion.core.paths import starter_model
from companion.core.prompts.prompt import Scene, assemble, greeting
from companion.core.sampling import Sampling
from companion.engine.client import EngineClient
from companion.workshop.evaluation.character_breaks import character_break

HERE = Path(__file__).parent
DRAWS = (1, 2, 3)
"""Seeds of the sampler: every probe is asked once with each."""
SAMPLES = 10


class Talk(NamedTuple):
    """One conversation that was led: what was said, what she answered."""

    probe: dict[str, Any]
    replies: tuple[str, ...]


def talk(engine: EngineClient, probe: dict[str, Any], seed: int) -> Talk:
    """Lead one conversation from her greeting on."""
    scene = Scene(character=built_in_character())
    messages: list[Message] = []

    def add(role: str, text: str) -> None:
        number = len(messages) + 1
        messages.append(Message(id=number, conversation=1, parent=number - 1 or None, role=role, text=text, created=0.0))

    add("assistant", greeting(scene))
    replies = []
    for said in probe["said"]:
        add("user", said)
        events = engine.generate(assemble(scene, messages), msgspec.structs.replace(Sampling(), seed=seed))
        replies.append("".join(event.text for event in events if isinstance(event, Piece)).strip())
        add("assistant", replies[-1])
    return Talk(probe, tuple(replies))


def measured(talks: Sequence[Talk]) -> dict[str, float]:
    """Figures of one side, shares from 0 to 1."""
    replies = [reply for each in talks for reply in each.replies]
    words = [len(reply.split()) for reply in replies]
    named = [each.probe["expects"] in each.replies[-1].lower() for each in talks if each.probe["kind"] == "name"]
    pairs = [pair for reply in replies for pair in zip(reply.lower().split(), reply.lower().split()[1:], strict=False)]
    again = sum(count - 1 for each in talks for count in Counter(each.replies).values())
    return {
        "name remembered": statistics.mean(named),
        "words, median": statistics.median(words),
        "words, 9 of 10 replies": statistics.quantiles(words, n=10)[-1],
        "at most three sentences": statistics.mean(len(split_sentences(reply)) <= 3 for reply in replies),
        "talks like an assistant": statistics.mean(bool(character_break(reply)) for reply in replies),
        "repeats herself": again / len(replies),
        "distinct pairs of words": len(set(pairs)) / len(pairs),
        "replies": len(replies),
    }


def run(engine: EngineClient, probes: Sequence[dict[str, Any]]) -> list[Talk]:
    return [talk(engine, probe, seed) for seed in DRAWS for probe in probes]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure Hoshi's adapter.")
    parser.add_argument("--adapter", type=Path, default=HERE / "hoshi.gguf")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    probes = [json.loads(line) for line in (HERE / "probes.jsonl").read_text(encoding="utf-8").splitlines()]
    starter = starter_model()
    if starter is None:
        raise SystemExit("The starter model is missing: python3 packaging/start.py")
    with EngineClient() as engine:
        engine.load(starter)
        before = run(engine, probes)
        engine.set_adapters([AdapterUse(str(options.adapter))])
        after = run(engine, probes)
    figures = {"before": measured(before), "after": measured(after)}
    for name, value in figures["before"].items():
        print(f"{name:<26}{value:>8.3g} → {figures['after'][name]:.3g}")
    for old, new in [pair for pair in zip(before, after, strict=True) if pair[0].probe["kind"] == "talk"][:SAMPLES]:
        for said, was, now in zip(old.probe["said"], old.replies, new.replies, strict=True):
            print(f"\n> {said}\n- before: {was}\n- after:  {now}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
