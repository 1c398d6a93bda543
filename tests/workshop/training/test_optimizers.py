"""Every optimizer learns, obeys its options, and can be saved in the middle and go on as if nothing had happened."""

from __future__ import annotations

import copy
from typing import get_args

import pytest
import torch

from companion.core.recipes.parts import Optimizer, OptimizerName
from companion.workshop.training.optimizers import Group, Lion, make_optimizer, set_rates, shrink_l1

NAMES = [name for name in get_args(OptimizerName) if name != "lbfgs"]
RATES = {"sgd": 0.02, "nesterov": 0.02, "adagrad": 0.5, "muon": 0.1, "adafactor": 0.3, "lion": 0.02}


def problem(seed=0):
    """A matrix and a vector to learn, from noisy products."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(64, 6, generator=generator)
    targets = inputs @ torch.randn(6, 4, generator=generator) + 0.5
    weight = torch.zeros(4, 6, requires_grad=True)
    bias = torch.zeros(4, requires_grad=True)
    return weight, bias, lambda: torch.nn.functional.mse_loss(inputs @ weight.T + bias, targets)


def walk(optimizer, loss, steps):
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses


@pytest.mark.parametrize("name", NAMES)
def test_every_optimizer_learns(name):
    weight, bias, loss = problem()
    options = Optimizer(name=name)
    optimizer = make_optimizer([Group([weight]), Group([bias], decays=False)], options, RATES.get(name, 0.05))
    losses = walk(optimizer, loss, 150)
    assert losses[-1] < losses[0] / 10


def test_lbfgs_solves_a_quadratic_in_a_few_full_batches():
    weight, bias, loss = problem()
    optimizer = make_optimizer([Group([weight]), Group([bias])], Optimizer(name="lbfgs"), 1.0)

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    for _ in range(6):
        optimizer.step(closure)
    assert loss().item() < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_an_optimizer_that_was_saved_goes_on_as_if_nothing_had_happened(name):
    def fresh():
        weight, bias, loss = problem()
        optimizer = make_optimizer([Group([weight], rate=2.0), Group([bias])], Optimizer(name=name), 0.01)
        return weight, bias, loss, optimizer

    weight, bias, loss, optimizer = fresh()
    walk(optimizer, loss, 5)
    saved = copy.deepcopy(optimizer.state_dict()), weight.detach().clone(), bias.detach().clone()
    expected = walk(optimizer, loss, 5)

    weight, bias, loss, optimizer = fresh()
    with torch.no_grad():
        weight.copy_(saved[1])
        bias.copy_(saved[2])
    optimizer.load_state_dict(saved[0])
    set_rates(optimizer, 0.01)
    assert walk(optimizer, loss, 5) == expected


@pytest.mark.parametrize("name", NAMES)
def test_a_rate_of_zero_moves_nothing(name):
    weight, bias, loss = problem()
    optimizer = make_optimizer([Group([weight]), Group([bias])], Optimizer(name=name), 0.1)
    walk(optimizer, loss, 1)
    before = weight.detach().clone(), bias.detach().clone()
    set_rates(optimizer, 0.0)
    walk(optimizer, loss, 2)
    assert torch.equal(before[0], weight)
    assert torch.equal(before[1], bias)


def test_a_group_keeps_its_multiple_of_the_learning_rate():
    weight, bias, _ = problem()
    optimizer = make_optimizer([Group([weight], rate=16.0), Group([bias])], Optimizer(), 1e-3)
    set_rates(optimizer, 2e-4)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([3.2e-3, 2e-4])


def test_weight_decay_spares_what_does_not_decay():
    weight, bias = torch.ones(2, 2, requires_grad=True), torch.ones(2, requires_grad=True)
    optimizer = make_optimizer([Group([weight]), Group([bias], decays=False)], Optimizer(weight_decay=0.5), 0.1)
    weight.grad, bias.grad = torch.zeros(2, 2), torch.zeros(2)
    optimizer.step()
    assert torch.allclose(weight, torch.full((2, 2), 0.95))
    assert torch.equal(bias, torch.ones(2))


def test_l1_sets_small_weights_to_exactly_zero_and_never_changes_a_sign():
    weight = torch.tensor([0.05, -0.05, 0.3, -0.3], requires_grad=True)
    optimizer = make_optimizer([Group([weight])], Optimizer(name="sgd"), 1.0)
    shrink_l1(optimizer, 0.1)
    assert torch.allclose(weight, torch.tensor([0.0, 0.0, 0.2, -0.2]))


def test_lion_steps_by_the_sign_of_its_gradient():
    weight = torch.zeros(3, requires_grad=True)
    weight.grad = torch.tensor([5.0, -0.001, 0.0])
    Lion([{"params": [weight]}], lr=0.1, betas=(0.9, 0.99)).step()
    assert torch.allclose(weight, torch.tensor([-0.1, 0.1, 0.0]))
