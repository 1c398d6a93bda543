"""A decoder-only transformer read from GGUF or made fresh, with adapters or fully trainable."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from copy import copy
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from companion.core.recipes.parts import Adapter
from companion.workshop.data.batch import Batch
from companion.workshop.nn.alignment import Aligned, aligned
from companion.workshop.nn.attention import AttentionPlan, Span
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.lanes import MOST_LANES
from companion.workshop.nn.layer import Cache, Layer, LayerFunction, Pass
from companion.workshop.nn.linear import Linear, Watcher
from companion.workshop.nn.loading import Parts, fresh_parts, load_parts, whole_masters
from companion.workshop.nn.lora import LowRank
from companion.workshop.nn.norms import FinalNorm, wide
from companion.workshop.nn.rotary import RotaryConfig, turns
from companion.workshop.nn.weights import GGUFWeights

LARGE = 64_000_000
"""More trained numbers than this are not worth a second copy of their gradients."""


class DecoderOptions(NamedTuple):
    """How a decoder computes."""

    compute: torch.dtype = torch.float32
    """Of matrix products; sums, norms, softmax and the residual stream are float32 at least."""
    device: str = "cpu"
    packed: bool = False
    """Keep weights as in the file and unpack each where it is used, forward and again backward."""
    checkpoint: bool = False
    """Keep only the layers' inputs and compute each layer a second time in backward."""
    longest: int = 0
    """Tokens of the longest dialogue; Phi 3 turns differently beyond its original context."""


UNPACKED = 500_000_000
"""Models with more parameters are best measured with packed weights: slower, and in a quarter of the memory."""


class Trace(NamedTuple):
    """A forward that can be taken up again at any layer."""

    work: Aligned
    inputs: list[Tensor]
    """(tokens, width) of each layer."""
    hidden: Tensor
    """(rows, width)."""


class Decoder(nn.Module):
    """Frozen until `add_adapter`; gradients of trained matrices are added to `.grad` by the layers' own backward."""

    def __init__(self, config: DecoderConfig, parts: Parts, options: DecoderOptions) -> None:
        super().__init__()
        self.config, self.options = config, options
        self.device = torch.device(options.device)
        self.layers: list[Layer] = parts.layers
        self.head = parts.head
        self._parts = parts
        self._norm = parts.norm
        self._trainable: dict[str, nn.Parameter] = {}
        self._registered = nn.ParameterList()
        self._anchor = torch.empty(0, requires_grad=True)
        self._adapter: Adapter | None = None
        self._watched: Callable[[Tensor, Tensor], None] | None = None

    @classmethod
    def load(cls, weights: GGUFWeights, options: DecoderOptions | None = None) -> Decoder:
        """Raises ModelError for unsupported architectures and damaged files."""
        options = options or DecoderOptions()
        config = DecoderConfig.from_header(weights.header)
        device = torch.device(options.device)
        parts = load_parts(weights, config, options.compute, device, packed=options.packed, longest=options.longest)
        if not options.packed:
            weights.release()
        return cls(config, parts, options)

    @classmethod
    def fresh(cls, config: DecoderConfig, seed: int, options: DecoderOptions | None = None, *, tied: bool = True) -> Decoder:
        """A new model whose weights are random and all trainable."""
        options = options or DecoderOptions()
        decoder = cls(config, fresh_parts(config, seed, options.compute, torch.device(options.device), tied=tied), options)
        decoder.train_everything()
        return decoder

    @property
    def embedding_table(self) -> Linear:
        """The matrix that token embeddings are taken from."""
        return self._parts.embedding.table

    def trainable(self) -> dict[str, nn.Parameter]:
        """What an optimizer moves, by GGUF name (`blk.0.attn_q.weight.lora_a`, or the tensor's own when it is trained whole)."""
        return dict(self._trainable)

    def add_adapter(self, adapter: Adapter, seed: int) -> None:
        """Make trainable what the recipe names. Rank 0 counts as 16 and alpha 0 as twice the rank; B begins at zero."""
        last = self.config.layers - 1 if adapter.last_layer < 0 else min(adapter.last_layer, self.config.layers - 1)
        chosen = self.layers[adapter.first_layer : last + 1]
        if adapter.method == "full":
            whole = len(chosen) == self.config.layers and set(adapter.where) == set(Adapter().where)
            self._train_whole(chosen, adapter.where, everything=whole)
            return
        self._adapter = adapter
        generator = torch.Generator().manual_seed(seed)
        rank, scale = adapter_rank(adapter), adapter_scale(adapter)
        for layer in chosen:
            for linear in layer.linears:
                at, names, spans = 0, [], []
                for span in linear.spans:
                    if _is_chosen(span.name, adapter.where, fused=self.config.fused):
                        names.append(span.name)
                        spans.append((at, at + span.rows))
                    at += span.rows
                if names:
                    linear.low_rank = LowRank(
                        names, spans, linear.in_features, rank, scale, adapter.dropout, generator,
                        self.device, self.options.compute,
                    )  # fmt: skip
                    self._register(linear.low_rank.named())

    def train_everything(self) -> None:
        """Full training of every matrix, norm and embedding."""
        self._train_whole(self.layers, Adapter().where, everything=True)

    def watch(self, watcher: Watcher | None, table: Callable[[Tensor, Tensor], None] | None = None) -> None:
        """Show `watcher` what goes into every matrix of the layers, and the gradient of what comes out, at each backward; and
        `table` the tokens and the gradient of their embeddings."""
        self._watched = table
        for layer in self.layers:
            for linear in layer.linears:
                linear.watcher = watcher

    def adapter_tensors(self) -> dict[str, Tensor]:
        """The adapter as GGUF holds it: A (rank, in), B (out, rank), float32 on the CPU."""
        return {name: p.detach().cpu().clone() for name, p in self._trainable.items() if ".lora_" in name}

    def model_tensors(self) -> dict[str, Tensor]:
        """All tensors that are trained whole, by GGUF name, float32 on the CPU; of a fresh decoder that is the model."""
        return {name: p.detach().float().cpu().clone() for name, p in self._trainable.items() if ".lora_" not in name}

    def lanes(self) -> int:
        """How many dialogues are best computed at once. Packed weights would be unpacked by each lane anew."""
        trained = sum(weight.numel() for weight in self._trainable.values())
        if self.device.type != "cpu" or self.options.packed or trained > LARGE:
            return 1
        return min(torch.get_num_threads(), MOST_LANES)

    def hidden(
        self, batch: Batch, *, rows: Tensor | None = None, neftune: float = 0.0, adapted: bool = True, seed: int = 0
    ) -> Tensor:
        """Normed output of the last layer in compute dtype: (tokens, width), or (rows, width) for ascending, distinct rows.

        `adapted` False leaves the adapter out. Noise and dropout come from `seed`; 0 draws one.
        """
        return self.states(batch, (), rows=rows, neftune=neftune, adapted=adapted, seed=seed)[0]

    def states(
        self,
        batch: Batch,
        layers: Collection[int],
        *,
        rows: Tensor | None = None,
        neftune: float = 0.0,
        adapted: bool = True,
        seed: int = 0,
    ) -> tuple[Tensor, dict[int, Tensor]]:
        """As `hidden`, and what each of `layers` puts out at the same rows before any norm, (rows, width) in float32 at least."""
        graph = torch.is_grad_enabled()
        seed = seed or int(torch.randint(1, 2**48, ()))
        work = aligned(batch, rows, share=not neftune and not any(map(self.config.window, range(self.config.layers))))
        x = self._parts.embedding.take(work.tokens)
        if self._watched is not None and graph:
            x.requires_grad_()
            x.register_hook(partial(self._watched, work.tokens))  # type: ignore[no-untyped-call]
        if neftune:
            x = x + _noise(x, work, neftune, seed)
        dropping = self.training and graph and self._adapter is not None and self._adapter.dropout > 0
        passes = self._passes(work.positions, work.starts, before=work.before, seed=seed if dropping else 0, adapted=adapted)
        last = self.config.layers - 1
        found: dict[int, Tensor] = {}
        for layer in self.layers:
            shared = passes(layer.index)
            if layer.index == last:
                shared = shared._replace(rows=work.rows)
            if graph and (x.requires_grad or (layer.trains() and (adapted or not self._adapter))):
                x = LayerFunction.apply(x, self._anchor, layer, shared, self.options.checkpoint)  # type: ignore[no-untyped-call]
            else:
                x, _ = layer.forward(x, shared)
            if layer.index in layers:
                found[layer.index] = x[: work.wanted] if layer.index == last else x[work.rows[: work.wanted]]
        return self._normed(x[: work.wanted]), found

    @torch.no_grad()
    def trace(self, batch: Batch, rows: Tensor) -> Trace:
        """One forward without adapter, with the inputs of every layer, from which `again` can go on."""
        work = aligned(batch, rows, share=False)
        passes = self._passes(work.positions, work.starts, adapted=False)
        inputs = [self._parts.embedding.take(work.tokens)]
        for layer in self.layers[:-1]:
            inputs.append(layer.forward(inputs[-1], passes(layer.index))[0])
        traced = Trace(work, inputs, inputs[-1][:0])
        return traced._replace(hidden=self.again(traced, len(self.layers) - 1))

    @torch.no_grad()
    def again(self, traced: Trace, first: int) -> Tensor:
        """As `hidden` of what was traced, (rows, width), computed anew from layer `first` on; −1 begins with the embedding.

        The trace may be another decoder's whose layers below `first` are the same (`with_layers`).
        """
        x = traced.inputs[first] if first >= 0 else self._parts.embedding.take(traced.work.tokens)
        passes = self._passes(traced.work.positions, traced.work.starts, adapted=False)
        for layer in self.layers[max(first, 0) :]:
            shared = passes(layer.index)
            if layer.index == self.config.layers - 1:
                shared = shared._replace(rows=traced.work.rows)
            x, _ = layer.forward(x, shared)
        return self._normed(x[: traced.work.wanted])

    def with_layers(self, keep: Sequence[int]) -> Decoder:
        """A decoder of these layers alone, which shares this one's weights; to measure with. Windows go with their layers."""
        layers = [copy(self.layers[layer]) for layer in keep]
        for index, layer in enumerate(layers):
            layer.index = index
        windows = tuple(self.config.window(layer) for layer in keep) if self.config.windows else ()
        config = replace(self.config, layers=len(layers), windows=windows)
        return Decoder(config, self._parts._replace(layers=layers), self.options).eval()

    def logits(self, hidden_rows: Tensor) -> Tensor:
        """(rows, vocabulary) in float32 of rows of `hidden`; meant for few rows, training goes through `losses`."""
        return self.head.logits(hidden_rows)

    @torch.no_grad()
    def continue_text(self, tokens: list[int], max_new: int, stop: Callable[[int], bool]) -> list[int]:
        """Greedy continuation of `tokens` until `stop(token)` or `max_new`; the stopping token is not returned."""
        caches = [Cache() for _ in self.layers]
        new: list[int] = []
        fed, at = tokens, 0
        while len(new) < max_new:
            end = at + len(fed)
            passes = self._passes(torch.arange(at, end, device=self.device), (0, end), first=at)
            x = self._parts.embedding.take(torch.tensor(fed, device=self.device))
            for layer, cache in zip(self.layers, caches, strict=True):
                x, _ = layer.forward(x, passes(layer.index), cache)
            token = int(self.logits(self._normed(x[-1:])).argmax())
            if stop(token):
                break
            new.append(token)
            fed, at = [token], end
        return new

    def _passes(
        self,
        positions: Tensor,
        starts: tuple[int, ...],
        *,
        first: int = 0,
        before: tuple[tuple[Span, ...], ...] = (),
        seed: int = 0,
        adapted: bool = True,
    ) -> Callable[[int], Pass]:
        """What layer `index` needs of the batch; plans and tables are shared by all layers of a kind."""
        config, group = self.config, self.config.heads // self.config.kv_heads
        layers = range(config.layers)
        like = torch.empty(0, dtype=self.options.compute, device=self.device)
        plans = {
            window: AttentionPlan.make(starts, window, group, like, first=first, before=before)
            for window in set(map(config.window, layers))
        }
        tables = {
            rotary: turns(rotary, positions, self._factors(rotary), wide(self.options.compute))
            for rotary in set(map(config.rotary_of, layers))
        }

        def of(index: int) -> Pass:
            layer_seed = seed and seed + 4 * index
            return Pass(tables[config.rotary_of(index)], plans[config.window(index)], None, layer_seed, adapted)

        return of

    def _factors(self, rotary: RotaryConfig) -> Tensor | None:
        return self._parts.factors if rotary == self.config.rotary else None

    def _normed(self, x: Tensor) -> Tensor:
        normed: Tensor = FinalNorm.apply(x, self._norm, self.config.epsilon, self.options.compute)  # type: ignore[no-untyped-call]
        return normed

    def _train_whole(self, layers: list[Layer], where: tuple[str, ...], *, everything: bool) -> None:
        if everything:
            self._register(whole_masters(self._parts))
            if self._norm is not None:
                self._norm = nn.Parameter(self._norm.clone())
                self._register({"output_norm.weight": self._norm})
        for layer in layers:
            for linear in layer.linears:
                if any(_is_chosen(span.name, where, fused=self.config.fused) for span in linear.spans):
                    self._register(linear.train_whole(keep_zeros=self.config.sparse))
            norms = {name: nn.Parameter(norm.clone()) for name, norm in layer.norms.items()}
            layer.norms |= norms
            self._register({f"blk.{layer.index}.{name}.weight": norm for name, norm in norms.items()})

    def _register(self, named: dict[str, nn.Parameter]) -> None:
        self._trainable |= named
        self._registered.extend(named.values())


def adapter_rank(adapter: Adapter) -> int:
    return adapter.rank or 16


def adapter_scale(adapter: Adapter) -> float:
    """What B A x is multiplied by: alpha / rank, or alpha / √rank (rank-stabilized LoRA, Kalajdzievski 2023)."""
    rank = adapter_rank(adapter)
    return (adapter.alpha or 2 * rank) / (rank**0.5 if adapter.rank_stabilized else rank)


def _is_chosen(name: str, where: tuple[str, ...], *, fused: bool) -> bool:
    """Whether a tensor of a layer is one of `where`, or holds one of them fused with others."""
    kind = name.split(".")[2]
    holds = {"attn_qkv": {"attn_q", "attn_k", "attn_v"}, "ffn_up": {"ffn_gate", "ffn_up"}} if fused else {}
    return bool(holds.get(kind, {kind}) & set(where))


def _noise(x: Tensor, work: Aligned, strength: float, seed: int) -> Tensor:
    """NEFTune (Jain et al. 2023): uniform noise of strength / √(tokens of the dialogue * width)."""
    generator = torch.Generator(x.device).manual_seed(seed)
    noise = torch.empty_like(x).uniform_(-1, 1, generator=generator)
    for (start, end), length in zip(pairwise(work.starts), work.lengths, strict=True):
        noise[start:end] *= strength / (length * x.shape[1]) ** 0.5
    return noise
