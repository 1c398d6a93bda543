"""From a recipe as a form has it to a job: files are looked for, what it leaves open is filled in, its result gets a place."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from companion.core.adapter import read_adapter, refuse_other_base
from companion.core.build_limits import refuse_impossible_size
from companion.core.character import BUILT_IN
from companion.core.character_library import built_in_character, load_character
from companion.core.dataset import CONVERSATION_PREFIX
from companion.core.errors import ModelError, RecipeError
from companion.core.fingerprint import known_sha256
from companion.core.gguf.header import read_header
from companion.core.job import JobOrder
from companion.core.job_targets import fitted_name, free_name, name_after
from companion.core.paths import own_adapters_folder, own_models_folder
from companion.core.recipes.distill import Distill
from companion.core.recipes.files import Recipe
from companion.core.recipes.fine_tune import FineTune
from companion.core.recipes.prefer import Prefer
from companion.core.recipes.pretrain import Pretrain, refuse_impossible
from companion.core.recipes.prune import Prune
from companion.core.recipes.quantize import Quantize

R = TypeVar("R", bound=Recipe)
MODELS: Final = {"pretrain", "quantize", "prune"}
"""Kinds that make a model; an evaluation's report stays in the job's own folder."""
LEARNS: Final = {"fine-tune", "prefer", "pretrain", "distill"}
"""Kinds that need something to learn from."""


def prepared(recipe: R, model: str) -> tuple[R, JobOrder]:
    """The recipe with what it leaves open, and where its result goes; `model` is the one that the person chats with.

    Raises RecipeError, ModelError or CharacterError, in the words of the window.
    """
    changes: dict[str, object] = {}
    if isinstance(recipe, Distill):
        changes |= _teacher_and_student(recipe, model)
    elif "model" in recipe.__struct_fields__:
        changes["model"] = _model(str(getattr(recipe, "model", "")) or model)
    if isinstance(recipe, Quantize):
        changes["adapter"] = _adapter(recipe.adapter, str(changes["model"]))
    if isinstance(recipe, Pretrain):
        refuse_impossible(recipe)
    if isinstance(recipe, Prune) and not (recipe.layers or recipe.neurons or recipe.heads or recipe.sparsity or recipe.pattern):
        raise RecipeError("Nothing is to be taken out yet.", "Choose layers, neurons, heads or a sparsity.")
    files = _files(recipe.data_files)
    if recipe.kind in LEARNS and not files:
        raise RecipeError("There is nothing to learn from yet.", "Add files or conversations under “Dialogues”.")
    _refuse_missing_replay(recipe)
    character = _character(recipe.character)
    ready = replace(recipe, data_files=files, character=character, **changes)
    ready = replace(ready, name=name_after(ready.name or _named_after(ready), ready.kind))
    if isinstance(ready, Quantize):
        refuse_impossible_size(ready, read_header(Path(ready.model)))
    order = _order(ready)
    if order.output:  # the job, what it makes and what stands in the file are called the same
        ready = replace(ready, name=Path(order.output).stem)
    return ready, order


def _order(recipe: Recipe) -> JobOrder:
    """An adapter goes to the person's adapters, a model to the models."""
    if isinstance(recipe, FineTune | Prefer | Distill):
        is_own = isinstance(recipe, Distill) and recipe.student.layers > 0  # nobody else has the model it would belong to
        whole = recipe.adapter.method == "full" or is_own
    elif recipe.kind in MODELS:
        whole = True
    else:
        return JobOrder()
    return JobOrder(output=str(free_name(own_models_folder() if whole else own_adapters_folder(), recipe.name)))


def _model(path: str) -> str:
    if not path:
        raise ModelError("No model is chosen.", "Choose a GGUF file under “Model”.")
    read_header(Path(path))
    return str(Path(path).absolute())


def _adapter(path: str, model: str) -> str:
    if not path:
        return ""
    refuse_other_base(read_adapter(Path(path)), read_header(Path(model)), known_sha256(Path(model)))
    return str(Path(path).absolute())


def _teacher_and_student(recipe: Distill, model: str) -> dict[str, object]:
    """The teacher is the model that the person chats with unless another one is named; a student has to be."""
    if bool(recipe.model) == bool(recipe.student.layers):
        what = "Two students were chosen." if recipe.model else "How many of the teacher's layers make the student is not said."
        raise RecipeError(
            what, "Choose a smaller model as “Student”, or how many of the teacher's layers make one, under “Student”."
        )
    student = _model(recipe.model) if recipe.model else ""
    return {"teacher": _model(recipe.teacher or model), "model": student}


def _files(sources: tuple[str, ...]) -> tuple[str, ...]:
    files = tuple(path if path.startswith(CONVERSATION_PREFIX) else str(Path(path).absolute()) for path in sources)
    for path in files:
        if not path.startswith(CONVERSATION_PREFIX) and not Path(path).exists():
            raise RecipeError(f"The file “{path}” is not there.", "Take it off the list, or put it back.")
    return files


def _refuse_missing_replay(recipe: Recipe) -> None:
    file = getattr(getattr(recipe, "data", None), "replay_file", "")
    if file and not file.startswith(CONVERSATION_PREFIX) and not Path(file).exists():
        raise RecipeError(f"The file “{file}” is not there.", "Correct “Replay from” under “Data”.")


def _character(identifier: str) -> str:
    own = built_in_character().name
    if identifier.casefold() == own.casefold():
        return own
    if identifier != BUILT_IN:  # empty in a recipe, which then has no character
        load_character(identifier)
    return identifier


def _named_after(recipe: Recipe) -> str:
    if isinstance(recipe, Quantize):
        return fitted_name(Path(recipe.model), Path(recipe.adapter) if recipe.adapter else None)
    if recipe.character:
        return Path(recipe.character).stem
    first = next((path for path in recipe.data_files if not path.startswith(CONVERSATION_PREFIX)), "")
    return Path(first).stem
