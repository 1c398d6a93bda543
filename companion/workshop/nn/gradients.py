"""Where hand-made gradients go: into `.grad`, or, in a side lane, into a ledger that is added to it afterwards.

Two lanes that compute different dialogues at once (see `lanes`) must not add to the same numbers, and the sum must not
depend on which was faster: so only the first writes into `.grad`, and the others' ledgers follow in their order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

Ledger = dict["nn.Parameter | Stacked", Tensor]
"""Gradients that were kept aside, by what they belong to."""

_ledger: ContextVar[Ledger | None] = ContextVar("ledger", default=None)


@contextmanager
def kept_aside(ledger: Ledger) -> Iterator[None]:
    """Inside, in this thread, gradients are added to `ledger` and `.grad` is left alone."""
    token = _ledger.set(ledger)
    try:
        yield
    finally:
        _ledger.reset(token)


def settle(ledger: Ledger) -> None:
    """Add what was kept aside to `.grad`."""
    for target, gradient in ledger.items():
        if isinstance(target, Stacked):
            target.accumulate(gradient)
        else:
            accumulate(target, gradient)


def each_gradient(ledger: Ledger) -> Iterator[tuple[nn.Parameter, Tensor]]:
    """What was kept aside, parameter by parameter."""
    for target, gradient in ledger.items():
        if isinstance(target, Stacked):
            yield from zip(target.masters, target.split(gradient), strict=True)
        else:
            yield target, gradient


def accumulate(parameter: nn.Parameter, gradient: Tensor, factor: float = 1.0) -> None:
    """Add to `parameter.grad`, which stays in the parameter's dtype."""
    ledger = _ledger.get()
    if ledger is not None:
        _note(ledger, parameter, gradient, parameter.dtype, factor)
    elif parameter.grad is None:
        parameter.grad = gradient.to(parameter.dtype, copy=True).mul_(factor)
    else:
        parameter.grad.add_(gradient, alpha=factor)


def accumulate_rows(parameter: nn.Parameter, rows: Tensor, gradient: Tensor) -> None:
    """Add row i of `gradient` to row `rows[i]` of `parameter.grad`."""
    ledger = _ledger.get()
    if ledger is not None:
        held = ledger.setdefault(parameter, torch.zeros_like(parameter, requires_grad=False))
    else:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter, requires_grad=False)
        held = parameter.grad
    held.index_add_(0, rows, gradient.to(parameter.dtype))


class Stacked:
    """Masters that lie upon each other in a joined matrix, row by row. One addition serves the gradients of all."""

    def __init__(self, masters: list[nn.Parameter]) -> None:
        self.masters = masters
        self._rows = [len(master) for master in masters]
        self._gradient = torch.empty(0)
        self._views: tuple[Tensor, ...] = ()

    def version(self) -> int:
        """Grows whenever an optimizer has changed one of them."""
        return sum(master._version for master in self.masters)

    def joined(self) -> Tensor:
        """A copy of all, without a graph."""
        return torch.cat([master.detach() for master in self.masters])

    def split(self, gradient: Tensor) -> tuple[Tensor, ...]:
        """The rows of each master."""
        return torch.split(gradient, self._rows)

    def accumulate(self, gradient: Tensor, factor: float = 1.0) -> None:
        """Add `factor * gradient` (all rows, columns) to the masters' `.grad`."""
        ledger = _ledger.get()
        if ledger is not None:
            _note(ledger, self, gradient, self.masters[0].dtype, factor)
        elif all(master.grad is None for master in self.masters):
            self._gradient = _scaled(gradient, self.masters[0].dtype, factor)
            self._views = self.split(self._gradient)
            for master, view in zip(self.masters, self._views, strict=True):
                master.grad = view
        elif self._views and all(master.grad is view for master, view in zip(self.masters, self._views, strict=True)):
            self._gradient.add_(gradient, alpha=factor)
        else:  # somebody has put gradients of their own there
            for master, part in zip(self.masters, self.split(gradient), strict=True):
                accumulate(master, part, factor)


def _note(ledger: Ledger, target: nn.Parameter | Stacked, gradient: Tensor, dtype: torch.dtype, factor: float) -> None:
    if target in ledger:
        ledger[target].add_(gradient, alpha=factor)
    else:
        ledger[target] = _scaled(gradient, dtype, factor)


def _scaled(gradient: Tensor, dtype: torch.dtype, factor: float) -> Tensor:
    """A copy in `dtype`, times `factor`."""
    copy = gradient.to(dtype, copy=True)
    return copy if factor == 1.0 else copy.mul_(factor)
