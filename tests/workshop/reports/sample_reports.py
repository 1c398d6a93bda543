"""Reports as an evaluation makes them, with chosen numbers: for words, pages and tables."""

from __future__ import annotations

from collections.abc import Sequence

from companion.core.recipes.evaluate import Certainty
from companion.core.report import (
    Curve,
    Failure,
    Items,
    Measured,
    Metric,
    Report,
    SampleReply,
    Section,
    Subject,
    Table,
    UsedFile,
)
from companion.workshop.reports.assemble import assembled, sound
from companion.workshop.reports.kept import About

CERTAINTY = Certainty(draws=500)


def loss(values: Sequence[float], *, key: str = "likelihood.held_out_loss", title: str = "Held-out loss", **more) -> Metric:
    """One value per dialogue, each of weight 1."""
    items = Items(names=tuple(f"dialogue {n}" for n in range(len(values))), vectors=tuple((value, 1.0) for value in values))
    fields = {"unit": "nats per token", "better": "lower", "headline": True, "count": len(values), "units": "dialogues"}
    return Metric(key=key, title=title, value=sum(values) / len(values), items=items, **(fields | more))


def share(hits: int, of: int, *, key: str, title: str, better: str = "higher", **more) -> Metric:
    return loss([1.0] * hits + [0.0] * (of - hits), key=key, title=title, unit="share", better=better, **more)


def section(*metrics: Metric, key: str = "likelihood", title: str = "Likelihood", **more) -> Section:
    return sound(Section(key=key, title=title, metrics=metrics, **more), CERTAINTY)


def subject(name: str) -> Subject:
    adapters = (UsedFile(name="hoshi.gguf", sha256="b" * 64, bytes=9_400_000, licence="Apache-2.0"),) if "+" in name else ()
    model = UsedFile(name="SmolLM2-135M-Instruct-Q4_1.gguf", sha256="a" * 64, bytes=98_000_000, licence="Apache-2.0")
    return Subject(name=name, model=model, adapters=adapters, architecture="llama", quantization="Q4_1", parameters=134_515_008)


def report(*measured: Measured, finished: bool = True, **about) -> Report:
    facts = About(
        subjects=tuple(one.subject for one in measured),
        suite="quick",
        data=(UsedFile(name="dialogues.jsonl", sha256="c" * 64, bytes=120_000, licence="CC-BY-4.0"),),
        machine={"System": "Debian GNU/Linux 12", "Processor": "AMD EPYC, 2 cores", "Memory": "16.8 GB"},
        versions={"companion": "0.3", "llama-cpp-python": "0.3.36"},
        command="companion evaluate --suite quick --adapter hoshi.gguf",
        began=1_790_000_000.0,
        **about,
    )
    return assembled(facts, measured, CERTAINTY, finished=finished)


def one(name: str, *sections: Section) -> Measured:
    return Measured(subject=subject(name), sections=sections)


def rich_report(reply: str = "I’d love to. Bring a coat, the dome is cold.") -> Report:
    """Two subjects and something of everything that a page shows."""
    return report(_everything("starter", 0.0, reply), _everything("starter + hoshi", 0.3, reply))


def _everything(name: str, gain: float, reply: str) -> Measured:
    losses = [3.0 + 0.05 * (n % 7) - gain + 0.02 * gain * (n % 3) for n in range(40)]
    likelihood = section(
        loss(losses, explained="How surprised she is by what people really said; less is better."),
        loss(
            [4.1 - gain / 2 + 0.1 * (n % 5) for n in range(40)],
            key="likelihood.user",
            title="Loss on the person’s words",
            headline=False,
        ),
        Metric(key="likelihood.torch", title="Loss in torch", value=None, why="Set likelihood.torch_check to compute it."),
        explained="How surely she expects what was really said.",
        curves=(
            Curve(
                title="Loss along a reply",
                x_label="token of the reply",
                y_label="nats per token",
                series={"loss": tuple((float(x), 5 / (x + 1) ** 0.3 - gain) for x in range(1, 60))},
                explained="Later words are easier, as more is known.",
            ),
            Curve(
                title="Reliability",
                x_label="chance she gave",
                y_label="how often it was right",
                series={"words": tuple((x / 10, min(1.0, (x / 10) ** (1 + gain))) for x in range(11))},
                kind="reliability",
            ),
        ),
        tables=(
            Table(
                title="By dataset", header=("dataset", "nats per token"), rows=(("persona_chat", "3.02"), ("built-in", "3.30"))
            ),
        ),
        notes=("The built-in dialogues are in English only.",),
        seconds=12.5,
    )
    talk = section(
        share(round(30 + 25 * gain), 40, key="talk.ended", title="Ends her turn"),
        share(6, 40, key="talk.loops", title="Loops", better="lower"),
        loss([14.0 + n % 9 for n in range(40)], key="talk.words", title="Length", unit="words", better="", headline=False),
        key="talk",
        title="How she talks",
        curves=(
            Curve(
                title="Length of replies",
                x_label="words",
                y_label="share of replies",
                series={
                    "her replies": tuple((4.0 * n, 0.02 * ((n * 7 + round(10 * gain)) % 9)) for n in range(12)),
                    "people’s replies": tuple((4.0 * n, 0.02 * ((n * 5) % 8)) for n in range(12)),
                },
                kind="bars",
            ),
        ),
        samples=tuple(
            SampleReply(
                name=f"built-in/{n}#2", prompt="What can one see tonight?", reply=reply, reference="Saturn, low in the south."
            )
            for n in range(6)
        ),
        failures=(
            Failure(kind="loop", where="built-in/3#2", example=reply),
            Failure(kind="empty", where="built-in/5#4", example="(nothing)"),
        ),
        seconds=30.2,
    )
    safety = Section(key="safety", title="What she declines", state="failed", why="The questions are gone. Put them back.")
    return one(name, likelihood, talk, *((safety,) if gain else ()))
