"""Setting single weights to zero: those that are small, or those that do little with what they are given.

magnitude   the smallest |w| of each matrix (Han et al. 2015, arXiv:1506.02626)
wanda       the smallest |w_ij| √E[x_j²] of each row (Sun et al. 2023, arXiv:2306.11695); x is what goes into the matrix, here as
            the model computes it before anything is set to zero, where the paper measures layer after layer

llama.cpp multiplies by a zero as by any other number, so this makes a file neither smaller nor faster there. It shows what
of a model is idle, and other programs gain by it: sparse storage, and graphics cards with kernels for 2:4.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from companion.core.gguf.header import GGUFHeader
from companion.llama.scoring import Tell
from companion.workshop.export.merge import Change, write_changed
from companion.workshop.nn.weights import GGUFWeights
from companion.workshop.pruning.plan import Plan
from companion.workshop.quantization.importance import Importance

HOLDS_ZERO: Final = ("F32", "F16", "BF16", "Q8_0", "Q5_0", "Q4_0")
"""Types that have a zero in every block and lose next to nothing when they are packed again."""
_MATRIX: Final = re.compile(r"blk\.\d+\.(attn|ffn)_(?!\w*norm)\w+\.weight")


def write_sparse(
    target: Path,
    header: GGUFHeader,
    plan: Plan,
    importance: Mapping[str, Importance] | None,
    *,
    extra: Mapping[str, Any],
    tell: Tell,
) -> None:
    """Write the model of `header` with its layers' weights thinned out as planned; `importance` None goes by magnitude.

    Matrices whose type has no zero become F16. Raises WorkshopError for a disk without room.
    """
    weights = GGUFWeights(header)
    names = [tensor.name for tensor in header.tensors if _MATRIX.fullmatch(tensor.name)]
    changes = {}
    for number, name in enumerate(names, start=1):
        if importance is not None:
            changes[name] = _thinned(plan, torch.from_numpy(importance[name].inputs).sqrt(), None)
        else:
            changes[name] = _thinned(plan, None, _threshold(weights.packed(name).dense(torch.float32), plan))
        tell(number / len(names))
    kinds = {name: "F16" for name in names if weights.info(name).type.name not in HOLDS_ZERO}
    write_changed(target, header, changes, kinds=kinds, extra=extra)


def keep_zeros(target: Path, header: GGUFHeader, sparse: GGUFHeader) -> None:
    """Write the model of `header` with a zero wherever the layers' matrices of `sparse` have one. Raises WorkshopError."""
    weights = GGUFWeights(sparse)

    def thinned(name: str) -> Change:
        return lambda values, rows: values.masked_fill_(weights.packed(name).dense(torch.float32, rows=rows) == 0, 0)

    names = [tensor.name for tensor in sparse.tensors if _MATRIX.fullmatch(tensor.name)]
    write_changed(target, header, {name: thinned(name) for name in names})


def idle_weights(values: Tensor, plan: Plan, scale: Tensor | None, threshold: float | None) -> Tensor:
    """Which of `values` (rows, in) become zero: those of every row by `scale` (in,), or those up to `threshold`."""
    scores = values.abs() if scale is None else values.abs() * scale
    if plan.pattern is not None:
        grouped = scores.view(len(scores), -1, plan.pattern.of)
        least = grouped.argsort(dim=-1, stable=True)[..., : plan.pattern.of - plan.pattern.stay]
        return torch.zeros_like(grouped, dtype=torch.bool).scatter_(-1, least, True).flatten(1)
    if threshold is not None:
        return scores <= threshold
    least = scores.topk(round(plan.sparsity * scores.shape[1]), dim=1, largest=False).indices
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(1, least, True)


def _thinned(plan: Plan, scale: Tensor | None, threshold: float | None) -> Change:
    return lambda values, _: values.masked_fill_(idle_weights(values, plan, scale, threshold), 0)


def _threshold(values: Tensor, plan: Plan) -> float | None:
    """The size up to which so many of a matrix's weights are; a pattern has none."""
    count = round(plan.sparsity * values.numel())
    return float(values.abs().flatten().kthvalue(max(1, count)).values) if plan.pattern is None else None
