"""How a gradient becomes a step: one factory over torch's optimizers, and the two that torch does not have in this form.

Every optimizer takes groups whose `rate` multiplies the learning rate (LoRA+, Hayou et al. 2024, gives B a larger one).
The schedule sets `lr` of a group through `set_rates`; nothing else writes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from companion.core.recipes.parts import Optimizer

LBFGS_HISTORY = 10
"""Gradients that L-BFGS remembers (Nocedal and Wright, 2006, suggest 3 to 20)."""
_MATRIX = 2


class Group(NamedTuple):
    """Parameters that are treated alike. `rate` multiplies the learning rate; `decays` is False for norms and biases."""

    parameters: Sequence[Tensor]
    rate: float = 1.0
    decays: bool = True


def make_optimizer(groups: Iterable[Group], options: Optimizer, learning_rate: float) -> torch.optim.Optimizer:
    """The optimizer of a recipe; `learning_rate` stands for `options.learning_rate` where that is 0 (automatic).

    L-BFGS takes all groups as one: its line search leaves no room for rates of their own.
    """
    found = [group for group in groups if group.parameters]
    if options.name == "lbfgs":
        return torch.optim.LBFGS(
            [parameter for group in found for parameter in group.parameters],
            lr=learning_rate,
            max_iter=4,
            history_size=LBFGS_HISTORY,
            line_search_fn="strong_wolfe",
        )
    described = [_described(group, options, learning_rate) for group in found]
    if options.name == "muon":
        return _muon(described, options, learning_rate)
    return _MAKERS[options.name](described, options, learning_rate)


def set_rates(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Give every group the scheduled learning rate times its own multiple."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group.get("rate", 1.0)


def shrink_l1(optimizer: torch.optim.Optimizer, strength: float) -> None:
    """The proximal step of an L1 penalty after an optimizer's step: towards zero by rate × strength, never past it.

    Soft thresholding (ISTA, Daubechies et al. 2004): weights become exactly zero, which a gradient of |w| never does.
    """
    if strength <= 0:
        return
    with torch.no_grad():
        for group in optimizer.param_groups:
            distance = float(group["lr"]) * strength
            for parameter in group["params"]:
                parameter.copy_(torch.nn.functional.softshrink(parameter, distance))


def _described(group: Group, options: Optimizer, learning_rate: float) -> dict[str, Any]:
    return {
        "params": list(group.parameters),
        "lr": learning_rate * group.rate,
        "rate": group.rate,
        "weight_decay": options.weight_decay if group.decays else 0.0,
    }


def _fused(groups: list[dict[str, Any]]) -> bool:
    """Whether torch has one kernel for the whole step: for float parameters on a CPU, CUDA or MPS device."""
    parameters = [parameter for group in groups for parameter in group["params"]]
    return all(p.is_floating_point() and p.device.type in {"cpu", "cuda", "mps"} for p in parameters)


class Lion(torch.optim.Optimizer):
    """Steps by the sign of an interpolated momentum: half of Adam's memory (Chen et al. 2023, algorithm 2)."""

    def __init__(self, groups: list[dict[str, Any]], *, lr: float, betas: tuple[float, float]) -> None:
        super().__init__(groups, {"lr": lr, "betas": betas, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                momentum = state["momentum"]
                direction = torch.lerp(parameter.grad, momentum, beta1).sign_()
                parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(direction, alpha=group["lr"])
                momentum.lerp_(parameter.grad, 1 - beta2)
        return loss


class MuonWithAdamW(torch.optim.Optimizer):
    """Muon for matrices and AdamW for the rest, as its author uses it (Jordan et al. 2024); one object to save and load."""

    def __init__(self, matrices: torch.optim.Optimizer | None, others: torch.optim.Optimizer | None) -> None:
        self.parts = [part for part in (matrices, others) if part is not None]
        super().__init__([group for part in self.parts for group in part.param_groups], {})
        self.param_groups = [group for part in self.parts for group in part.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def _muon(groups: list[dict[str, Any]], options: Optimizer, learning_rate: float) -> torch.optim.Optimizer:
    matrices, others = [], []
    for group in groups:
        flat = [p for p in group["params"] if p.dim() != _MATRIX]
        square = [p for p in group["params"] if p.dim() == _MATRIX]
        if square:
            matrices.append(group | {"params": square})
        if flat:
            others.append(group | {"params": flat})
    muon = (
        torch.optim.Muon(matrices, lr=learning_rate, momentum=options.momentum, adjust_lr_fn="match_rms_adamw")
        if matrices
        else None
    )
    return MuonWithAdamW(muon, _adamw(others, options, learning_rate) if others else None)


def _adamw(groups: list[dict[str, Any]], options: Optimizer, learning_rate: float) -> torch.optim.Optimizer:
    betas = (options.beta1, options.beta2)
    return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, eps=options.epsilon, fused=_fused(groups))


def _adam(groups: list[dict[str, Any]], options: Optimizer, learning_rate: float) -> torch.optim.Optimizer:
    betas = (options.beta1, options.beta2)
    return torch.optim.Adam(groups, lr=learning_rate, betas=betas, eps=options.epsilon, fused=_fused(groups))


def _sgd(groups: list[dict[str, Any]], options: Optimizer, learning_rate: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups, lr=learning_rate, momentum=options.momentum)


def _nesterov(groups: list[dict[str, Any]], options: Optimizer, learning_rate: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups, lr=learning_rate, momentum=max(options.momentum, 1e-6), nesterov=True)


def _adagrad(groups: list[dict[str, Any]], options: Optimizer, learning_rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adagrad(groups, lr=learning_rate, eps=options.epsilon)


def _rmsprop(groups: list[dict[str, Any]], options: Optimizer, learning_rate: float) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(groups, lr=learning_rate, alpha=options.beta2, eps=options.epsilon, momentum=options.momentum)


def _adafactor(groups: list[dict[str, Any]], options: Optimizer, learning_rate: float) -> torch.optim.Optimizer:
    return torch.optim.Adafactor(groups, lr=learning_rate)


def _lion(groups: list[dict[str, Any]], options: Optimizer, learning_rate: float) -> torch.optim.Optimizer:
    return Lion(groups, lr=learning_rate, betas=(options.beta1, options.beta2))


_MAKERS: dict[str, Callable[[list[dict[str, Any]], Optimizer, float], torch.optim.Optimizer]] = {
    "sgd": _sgd,
    "nesterov": _nesterov,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adamw,
    "adafactor": _adafactor,
    "lion": _lion,
}
