"""Which layer can go next: each is left out once, and how far the next word's chances move is measured against the whole model.

Greedy: after each removal all layers that are left are measured anew, as what one can do without depends on the others
(cf. Men et al. 2024, arXiv:2403.03853, who rank them once by how little they turn the residual stream).
"""

from __future__ import annotations

from collections.abc import Sequence

from companion.llama.scoring import Tell
from companion.workshop.data.batch import Example
from companion.workshop.nn.decoder import Decoder
from companion.workshop.quantization.reference import Reference


class LayerRanker:
    """Measures on the same tokens each time. A removal costs about half a forward for each layer that is left."""

    def __init__(self, decoder: Decoder, examples: Sequence[Example], rows: int) -> None:
        """`rows` next words are looked at."""
        self._decoder = decoder
        self._reference = Reference(decoder, examples, rows)

    def divergences(self, left: Sequence[int], tell: Tell) -> dict[int, float]:
        """Of a model of the layers `left`, ascending and at least two: what it is without each of them, in nats per token."""
        current = self._decoder.with_layers(left)
        trace = current.trace(self._reference.batch, self._reference.rows)
        found = {}
        for place, layer in enumerate(left):
            without = self._decoder.with_layers([*left[:place], *left[place + 1 :]])
            hidden = without.again(trace, min(place, len(left) - 2))  # of the rows only, which the last layer chooses
            found[layer] = self._reference.divergence(hidden)
            tell((place + 1) / len(left))
        return found
