"""What each matrix can bear, as a map: layers across, kinds of matrices down."""

from __future__ import annotations

from collections import Counter
from typing import Final

from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QVBoxLayout

from companion.core.build_plan import BuildPlan, MatrixBears
from companion.core.gguf.types import TYPES_BY_NAME
from companion.ui.charts.heat_map import Cell, HeatMap
from companion.ui.charts.lines import number_text, rounded
from companion.ui.theme import Theme
from companion.ui.wheel_guard import WheelGuard

SENTENCE: Final = (
    "A matrix is sensitive when the next word changes much though it alone is packed more coarsely: those get more bits, "
    "the others fewer."
)
USUAL_BITS: Final = 4.5
"""Bits per weight of the type that is shown first: where most builds are."""
ORDER: Final = ("attn_q", "attn_k", "attn_v", "attn_qkv", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


class SensitivityCard(QFrame):
    """`show_plan` draws it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._plan: BuildPlan | None = None
        self.kind = QComboBox()
        self.kind.setAccessibleName("Packed as")
        self.kind.activated.connect(self._draw)
        WheelGuard(self).watch(self.kind)
        self.map = HeatMap(theme, "What each matrix can bear", "layer")
        self.scale = QLabel()
        heading, words, packed = QLabel("What each matrix can bear"), QLabel(SENTENCE), QLabel("Packed as")
        heading.setProperty("role", "heading")
        for label, role in ((words, "muted"), (self.scale, "caption")):
            label.setProperty("role", role)
            label.setWordWrap(True)
        packed.setBuddy(self.kind)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(heading, 1)
        row.addWidget(packed)
        row.addWidget(self.kind)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addLayout(row)
        for widget in (words, self.map, self.scale):
            column.addWidget(widget)

    def show_plan(self, plan: BuildPlan) -> None:
        before, self._plan = self.kind.currentData(), plan
        counts = Counter(kind for matrix in plan.matrices.values() for kind in matrix.damage)
        kinds = sorted(counts, key=_bits)
        self.kind.clear()
        for kind in kinds:
            some = "" if counts[kind] == len(plan.matrices) else f", {counts[kind]} matrices"
            self.kind.addItem(f"{kind} ({_bits(kind):.3g} bits{some})", kind)
        common = [kind for kind in kinds if counts[kind] == max(counts.values())]
        usual = min(common, key=lambda kind: abs(_bits(kind) - USUAL_BITS))
        self.kind.setCurrentIndex(max(self.kind.findData(before if before in kinds else usual), 0))
        self._draw()

    def _draw(self) -> None:
        plan, kind = self._plan, self.kind.currentData()
        if plan is None or kind is None:
            return
        places = {name: _place(name) for name in plan.matrices}
        known = {sort for sort, _ in places.values()}
        rows = [sort for sort in ORDER if sort in known] + sorted(known - set(ORDER))
        layers = 1 + max((layer for _, layer in places.values()), default=0)
        cells = {
            (rows.index(sort), layer): Cell(plan.matrices[name].damage[kind], _told(name, plan.matrices[name], kind))
            for name, (sort, layer) in places.items()
            if kind in plan.matrices[name].damage
        }
        self.map.show_cells(rows, [str(layer) for layer in range(layers)], cells)
        measured = sum(matrix.measured for matrix in plan.matrices.values())
        how = f"{measured} of {len(plan.matrices)} matrices were measured one by one, the others are judged by their sort."
        if measured == len(plan.matrices):
            how = "Every matrix was measured by itself."
        self.scale.setText(f"Nats per token. {self.map.scale_words()} {how}")


def _place(name: str) -> tuple[str, int]:
    """The kind of a matrix, and its layer; what is in no layer stands in the first column."""
    parts = name.removesuffix(".weight").split(".")
    return (".".join(parts[2:]), int(parts[1])) if parts[0] == "blk" and len(parts) > 2 and parts[1].isdigit() else (parts[0], 0)


def _told(name: str, matrix: MatrixBears, shown: str) -> tuple[str, ...]:
    others = sorted((kind for kind in matrix.damage if kind != shown), key=_bits)
    judged = "measured" if matrix.measured else "judged by its sort"
    return (
        f"{name.removesuffix('.weight')}, {matrix.own} now, {judged}",
        f"{shown}: {number_text(rounded(matrix.damage[shown]))} nats per token",
        *(f"{kind}: {number_text(rounded(matrix.damage[kind], 2))}" for kind in others),
    )


def _bits(kind: str) -> float:
    found = TYPES_BY_NAME.get(kind)
    return 8 * found.size / found.block if found is not None else 0.0
