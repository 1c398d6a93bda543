"""Pretraining, from top to bottom: a vocabulary, a fresh model with it as a GGUF file, and all its weights trained.

What is trained is the file itself, as in every fine-tuning: the same data, steps, checkpoints, export and verification.
"""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from companion.core.amounts import bytes_text
from companion.core.errors import JobError
from companion.core.files import write_atomic
from companion.core.job import JobEnded
from companion.core.recipes.files import encode_recipe
from companion.core.recipes.fine_tune import FineTune
from companion.core.recipes.parts import Adapter
from companion.core.recipes.pretrain import CARRIERS, Pretrain, refuse_impossible
from companion.workshop.data.control_tags import BEGIN, TURN_ENDS, chat_template
from companion.workshop.data.sources.reading import read_all
from companion.workshop.data.vocabulary_training import lines_to_learn_from, train_vocabulary
from companion.workshop.export.model_file import write_model
from companion.workshop.export.sentencepiece_model import read_sentencepiece
from companion.workshop.job import Job
from companion.workshop.nn.config import DecoderConfig
from companion.workshop.nn.decoder import Decoder
from companion.workshop.recipes.fine_tune import fine_tune
from companion.workshop.training.machine import choose_place
from companion.workshop.training.memory import training_need

RECIPE_KEY = "companion.pretrain.recipe"
"""What the model was made by, as JSON in its metadata."""


def pretrain(job: Job, recipe: Pretrain) -> JobEnded:
    """Carry out the recipe from wherever the job stands. Raises CompanionError, and Stopped when somebody asks for it."""
    refuse_impossible(recipe)
    fresh = job.folder.path / "fresh" / f"{recipe.name or 'model'}.gguf"
    if not fresh.exists():
        vocabulary = _vocabulary(job, recipe, fresh.with_suffix(".vocabulary"))
        _write_fresh(job, recipe, vocabulary, fresh)
    return fine_tune(job, training_of(recipe, fresh))


def training_of(recipe: Pretrain, model: Path) -> FineTune:
    """The training of every weight of `model`, which nothing was learned by yet."""
    return FineTune(
        model=str(model),
        data_files=recipe.data_files,
        character=recipe.character,
        name=recipe.name,
        data=recipe.data,
        adapter=Adapter(method="full"),
        optimizer=recipe.optimizer,
        schedule=recipe.schedule,
        loss=recipe.loss,
        training=recipe.training,
        watch=recipe.watch,
        machine=recipe.machine,
    )


def decoder_config(recipe: Pretrain, vocabulary: int) -> DecoderConfig:
    """The shape that the recipe asks for, with a vocabulary of this size."""
    decoder = recipe.decoder
    config = DecoderConfig.llama(
        layers=decoder.layers,
        width=decoder.width,
        heads=decoder.heads,
        kv_heads=decoder.kv_heads,
        feed_forward=decoder.feed_forward,
        vocabulary=vocabulary,
        context=decoder.context,
    )
    architecture = CARRIERS[decoder.activation, decoder.norm]
    if architecture == "arcee":
        return replace(config, architecture=architecture, activation="relu2")
    if architecture == "gemma3":
        rotary = replace(config.rotary, pairs="halves")
        return replace(config, architecture=architecture, activation="gelu", rotary=rotary, embedding_scale=config.width**0.5)
    return replace(config, architecture=architecture)


def _vocabulary(job: Job, recipe: Pretrain, path: Path) -> bytes:
    """Learned from all the text; kept, so that a resumed job has the same. Held-out text only lends its spelling here."""
    if path.exists():
        return path.read_bytes()
    job.stage("data", f"Learning a vocabulary of at most {recipe.vocabulary.size:,} tokens")
    lines = lines_to_learn_from(read_all(recipe.data_files), lambda characters: job.check())
    model = train_vocabulary(lines, recipe.vocabulary, recipe.training.seed)
    write_atomic(path, model)
    return model


def _write_fresh(job: Job, recipe: Pretrain, vocabulary: bytes, path: Path) -> None:
    """A model of random weights that llama.cpp can load. Raises JobError when training it would not fit into memory."""
    config = decoder_config(recipe, len(read_sentencepiece(vocabulary).pieces))
    _refuse_without_memory(recipe, config)
    table = config.vocabulary * config.width
    parameters = config.parameters + table * (1 if recipe.decoder.tied else 2)
    job.stage("loading", f"Making a fresh model of about {parameters / 1e6:.1f} million parameters")
    decoder = Decoder.fresh(config, recipe.training.seed, tied=recipe.decoder.tied)
    write_model(
        path,
        config,
        decoder.model_tensors(),
        vocabulary,
        chat_template=chat_template(recipe.vocabulary.tags),
        begin=BEGIN,
        end_of_turn=TURN_ENDS,
        name=recipe.name or "Model",
        extra={RECIPE_KEY: encode_recipe(recipe).decode()},
    )


def _refuse_without_memory(recipe: Pretrain, config: DecoderConfig) -> None:
    place = choose_place(recipe.machine)
    need = training_need(
        config,
        0,
        None,
        packed=False,
        checkpoint=recipe.machine.checkpoint_layers != "off",
        compute_bytes=2 if place.compute == "bfloat16" else 4,
        typical_length=recipe.data.longest,
    ).total(recipe.data.longest)
    if need > place.available:
        raise JobError(
            f"To train this model takes about {bytes_text(need)} of memory; {bytes_text(max(place.available, 0))} are free.",
            "Make it smaller: decoder.layers, decoder.width, decoder.feed_forward or vocabulary.size.",
        )
