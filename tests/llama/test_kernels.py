"""The cost of products, by llama.cpp's own kernels."""

from __future__ import annotations

import pytest

from companion.core.gguf.types import TYPES_BY_NAME
from companion.llama.kernels import Kernels, Product
from companion.llama.library import Library


@pytest.fixture(scope="module")
def kernels():
    library = Library()
    with Kernels(1) as opened:
        yield opened
    del library


@pytest.mark.parametrize(
    "kind", ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q8_0", "IQ4_NL", "Q4_K", "Q6_K", "Q3_K", "IQ3_S", "IQ2_S"]
)
def test_every_type_has_a_cost(kernels, kind):
    seconds = kernels.seconds(Product(TYPES_BY_NAME[kind], 256, 256), working_set=1 << 18, budget=0)
    assert 1e-8 < seconds < 1


def test_a_larger_matrix_costs_more(kernels):
    kind = TYPES_BY_NAME["Q8_0"]
    small, large = (kernels.seconds(Product(kind, rows, 256), working_set=1 << 20, budget=0.02) for rows in (64, 4096))
    assert large > 8 * small


def test_a_type_that_nobody_repacks_has_no_repacked_cost(kernels):
    assert kernels.seconds(Product(TYPES_BY_NAME["F32"], 256, 256), repacked=True, working_set=1 << 18, budget=0) is None
