"""From nothing to a reply: a real job makes a vocabulary and a model, and the engine talks with it."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from companion.commands.pretrain import pretrain
from companion.core.errors import CompanionError, JobError, RecipeError
from companion.core.gguf.header import read_header
from companion.core.job import DataReady, Evaluated, JobEvent, JobOrder, OutputWritten, PlanMade, StepDone
from companion.core.job_folder import JobFolder, create_job, jobs_folder
from companion.core.messages import Turn
from companion.core.paths import settings_file
from companion.core.recipes.files import read_recipe, with_changes
from companion.core.recipes.pretrain import PRESETS, Decoder, Pretrain, refuse_impossible
from companion.core.sampling import Sampling
from companion.core.settings import Settings, save_settings
from companion.llama.context import Context, ContextOptions
from companion.llama.library import Library
from companion.llama.likelihood import likelihood
from companion.llama.model import Model
from companion.llama.prompt import tokens_of
from companion.workshop.client import JobProcess
from companion.workshop.job import Wishes
from companion.workshop.recipes.open_base import open_base
from companion.workshop.recipes.pretrain import RECIPE_KEY, _refuse_without_memory, decoder_config
from tests.workshop.small_jobs import curve, ended, of_kind, work_here

QUICK = (
    "vocabulary.size=380",
    "vocabulary.tags=<joy>,<sadness>",
    "decoder.layers=2",
    "decoder.width=32",
    "decoder.heads=4",
    "decoder.kv_heads=2",
    "decoder.feed_forward=64",
    "decoder.context=1024",
    "data.longest=128",
    "training.tokens_per_step=1024",
    "training.epochs=0",
    "training.steps=80",
    "optimizer.learning_rate=0.02",
    "machine.threads=1",
    "machine.compute=float32",
    "machine.micro_batch_tokens=1024",
    "watch.evaluations=2",
    "watch.samples=1",
    "watch.sample_tokens=6",
)
REPLIES = {"joy": "yes the sun", "sadness": "no more rain"}


@pytest.fixture(scope="module")
def moods(tmp_path_factory) -> Path:
    """Dialogues whose replies follow from their mood, a text, and dialogues without a mood."""
    chance = random.Random(5)
    path = tmp_path_factory.mktemp("moods") / "moods.jsonl"
    words = ["hello", "how", "are", "you", "the", "day", "sun", "rain", "and", "what", "of", "it"]
    with path.open("w", encoding="utf-8") as file:
        for number in range(120):
            mood = ("joy", "sadness", "")[number % 3]
            said = [
                {"role": "user", "content": " ".join(chance.choices(words, k=3))},
                {"role": "assistant", "content": REPLIES.get(mood, "well")},
            ]
            file.write(json.dumps({"messages": said} | ({"mood": mood} if mood else {})) + "\n")
        file.write(json.dumps({"text": "The sun and the rain. Hello day."}) + "\n")
    return path


def job_of(data: Path, *changes: str, **order: object) -> JobFolder:
    recipe = replace(with_changes(Pretrain(name="Mira"), [*QUICK, *changes]), data_files=(str(data),))
    refuse_impossible(recipe)
    return create_job(recipe, JobOrder(**order))


@pytest.fixture(scope="module")
def made(moods, tmp_path_factory):
    """A finished job: its events and the model."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COMPANION_HOME", str(home))
        model = home / "out" / "mira.gguf"
        with JobProcess(job_of(moods, output=str(model))) as process:
            return list(process.events()), model


def test_a_model_from_nothing_is_learned_verified_and_written(made):
    events, model = made
    assert ended(events).state == "done", ended(events)
    measured = of_kind(events, Evaluated)
    assert [event.step for event in measured] == [0, 40, 80]
    assert measured[-1].loss < measured[0].loss / 3
    assert math.isclose(measured[0].loss, math.log(380), rel_tol=0.02)  # knows nothing: every token is as likely
    assert of_kind(events, DataReady)[0].held_out == 12
    assert of_kind(events, PlanMade)[0].steps == 80
    (written,) = of_kind(events, OutputWritten)
    assert (written.file, written.kind) == (str(model), "model")
    assert 0 < written.metrics["held_out_bits_per_byte"] < written.metrics["held_out_loss"] / math.log(2)
    assert written.metrics["llama_cpp_loss"] == pytest.approx(written.metrics["torch_loss"], rel=0.01)


def test_the_model_is_sound_and_says_where_it_came_from(made):
    header = read_header(made[1])  # raises for whatever is no chat model
    assert (header.architecture, header.name, header.context_length, header.layers) == ("llama", "Mira", 1024, 2)
    assert header.has_chat_template
    assert '"pretrain"' in header.text(RECIPE_KEY)


def test_a_tag_changes_what_is_said(made):
    def prompt(base, mood: str) -> list[int]:
        turns = (Turn("system", f"<{mood}>"), Turn("user", "how are you"))
        return tokens_of(base.vocabulary, base.template.render(turns))

    def chance(context, before: list[int], reply: list[int]) -> float:
        """Nats that the reply costs behind this prompt."""
        learn = [False] * len(before) + [True] * len(reply)
        return likelihood(context, before + reply, learn).nats

    with open_base(made[1]) as base, Model(Library(), made[1]) as model:
        tokens = {mood: base.vocabulary.tokenize(reply) for mood, reply in REPLIES.items()}
        glad, sad = prompt(base, "joy"), prompt(base, "sadness")
        only_token = [*glad[:-1], sad[-1]]  # the same words before it, another tag
        with Context(model, ContextOptions(tokens=128, threads=1)) as context:
            for mood, other, before in (("joy", "sadness", glad), ("sadness", "joy", sad)):
                assert chance(context, before, tokens[mood]) + 2 < chance(context, before, tokens[other])
            moved = chance(context, only_token, tokens["joy"]) - chance(context, glad, tokens["joy"])
    assert moved > 0.5  # the tag itself counts, not only its name in the system message


def test_it_answers_in_the_terminal(made):
    save_settings(settings_file(), Settings(threads=1, sampling=Sampling(max_tokens=12, seed=1)))
    command = [sys.executable, "-P", "-m", "companion", "chat", "--once", "Hi", "--json", "--model", str(made[1])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["reply"]


def test_a_pause_and_a_resume_change_nothing(moods):
    changes = ("training.steps=12", "watch.checkpoint_steps=1", "vocabulary.method=unigram", "decoder.tied=false")
    straight, paused = job_of(moods, *changes), job_of(moods, *changes)
    assert ended(work_here(straight)).state == "done"
    wishes = Wishes(paused.cancel_mark)

    def pause_after_four(event: JobEvent) -> None:
        if isinstance(event, StepDone) and event.step == 4:
            wishes.pause()

    assert ended(work_here(paused, pause_after_four, wishes)).state == "interrupted"
    assert ended(work_here(paused)).state == "done"
    assert curve(paused) == curve(straight)
    names = [job.output / "Mira.gguf" for job in (straight, paused)]
    assert names[0].read_bytes() == names[1].read_bytes()


@pytest.mark.parametrize(
    ("changes", "what", "remedy"),
    [
        (("decoder.heads=7",), "7 heads do not divide a width of 192", "decoder.heads to 6"),
        (("decoder.heads=64",), "parts of even size", "decoder.heads to 48"),
        (("decoder.kv_heads=4",), "4 KV heads do not divide 6 heads", "decoder.kv_heads to 3"),
        (("decoder.norm=layernorm", "decoder.activation=relu2"), "carries ReLU² with LayerNorm", "ReLU² with RMSNorm"),
        (("data.longest=1024",), "do not fit into a context of 512", "data.longest to 512"),
        (("vocabulary.tags=joy",), "“joy” is no control tag", "<joy>"),
        (("vocabulary.tags=<|im_end|>",), "is no control tag", "<joy>"),
        (("vocabulary.tags=<joy>,<joy>",), "“<joy>” stands there twice", "once"),
        (("loss.keep_close=0.1",), "nothing to be kept close to", "loss.keep_close"),
    ],
)
def test_what_cannot_be_made_is_refused_with_what_can(changes, what, remedy):
    with pytest.raises(RecipeError) as caught:
        refuse_impossible(with_changes(Pretrain(), list(changes)))
    assert what in caught.value.what
    assert remedy in caught.value.remedy


def test_what_does_not_fit_into_memory_is_refused_before_it_is_made():
    giant = Pretrain(decoder=Decoder(layers=128, width=8192, heads=64, kv_heads=64, feed_forward=65536))
    with pytest.raises(JobError, match="memory") as caught:
        _refuse_without_memory(giant, decoder_config(giant, 2048))
    assert "decoder.width" in caught.value.remedy


def test_every_preset_can_be_made():
    for preset in PRESETS.values():
        refuse_impossible(preset)


def test_the_command_refuses_before_a_job_is_made(moods, tmp_path):
    asked = {"preset": "small", "recipe": None, "changes": (), "character": None, "output": None}
    rest = {"dry_run": False, "find_rate": False, "as_json": False}
    there = tmp_path / "there.gguf"
    there.touch()
    for wrong, what in (
        ({"data": ()}, "nothing to learn from"),
        ({"data": [tmp_path / "gone.txt"]}, "gone.txt"),
        ({"preset": "huge"}, "no preset “huge”"),
        ({"changes": ("decoder.heads=5",)}, "5 heads"),
        ({"output": there}, "there already"),
        ({"character": "nobody.json"}, "nobody.json"),
    ):
        with pytest.raises(CompanionError, match=what):
            pretrain(**{"data": [moods], **asked, **rest, **wrong})
    assert not jobs_folder().exists() or not any(jobs_folder().iterdir())


def test_a_text_without_words_ends_in_a_sentence(tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text('{"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": " "}]}\n')
    last = ended(work_here(job_of(empty)))
    assert last.state == "failed"
    assert "nothing" in last.what or "no " in last.what
    assert "Traceback" not in last.what


def test_the_recipe_of_the_example_is_the_small_preset():
    example = read_recipe(Path(__file__).parents[3] / "models" / "pretrain" / "small.toml", Pretrain)
    assert replace(example, name="", character="") == PRESETS["small"]


def test_plain_text_is_learned_from_too(tmp_path):
    text = tmp_path / "book.txt"
    text.write_text("\n\n".join(f"The sun of day {day} was warm.\nThen came rain, and {day} birds." for day in range(80)))
    events = work_here(job_of(text, "training.steps=4", "vocabulary.tags=[]"))
    assert ended(events).state == "done", ended(events)
    assert of_kind(events, DataReady)[0].dialogues == 72
    assert of_kind(events, Evaluated)[-1].samples == ()
