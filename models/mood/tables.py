"""The tables of the model card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from companion.core.moods import LABELS
from companion.mood.evaluation import Report

START, END = "<!-- measured: written by train.py -->\n", "<!-- end of measured -->"
HEADING = "| label | precision | recall | F1 | examples |"


def write_tables(path: Path, reports: dict[str, Report], thresholds: dict[str, NDArray[np.float64]], shipped: str) -> None:
    """Put the measurements between the marks of the model card."""
    names = list(reports)
    lines = ["| on dev | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    rows = {
        "macro-F1, 28 labels": [f"{r.macro_f1:.3f}" for r in reports.values()],
        "micro-F1, 28 labels": [f"{r.micro_f1:.3f}" for r in reports.values()],
        "area under ROC, mean of labels": [f"{r.auc:.3f}" for r in reports.values()],
        "macro-F1, Ekman groups and neutral": [f"{r.group_macro_f1:.3f}" for r in reports.values()],
        "label shown is in the right group": [f"{r.group_accuracy:.3f}" for r in reports.values()],
        "valence: MSE, R²": [f"{r.valence.mse:.3f}, {r.valence.r2:.3f}" for r in reports.values()],
        "arousal: MSE, R²": [f"{r.arousal.mse:.3f}, {r.arousal.r2:.3f}" for r in reports.values()],
    }
    lines += [f"| {title} | " + " | ".join(values) + " |" for title, values in rows.items()]
    for name, report in reports.items():
        title = f"{name} (shipped)" if name == shipped else name
        lines += [
            "",
            f"### Per label: {title}",
            "",
            "| label | precision | recall | F1 | examples | threshold |",
            "|---|---|---|---|---|---|",
        ]
        limits = dict(zip(LABELS, thresholds[name], strict=True))
        lines += [
            f"| {r.name} | {r.precision:.3f} | {r.recall:.3f} | {r.f1:.3f} | {r.support} | {limits[r.name]:.3f} |"
            for r in report.labels
        ]
        lines += ["", HEADING, "|---|---|---|---|---|"]
        lines += [f"| {r.name} | {r.precision:.3f} | {r.recall:.3f} | {r.f1:.3f} | {r.support} |" for r in report.groups]
    text = path.read_text(encoding="utf-8") if path.exists() else f"{START}{END}\n"
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{START}\n" + "\n".join(lines) + f"\n\n{END}{after}", encoding="utf-8")
