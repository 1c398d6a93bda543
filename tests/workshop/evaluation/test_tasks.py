"""lm-evaluation-harness over llama.cpp, against direct computation on the same tokens; and files that would run something."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("lm_eval", reason="the extra “tasks” (lm-evaluation-harness) is not installed")

from lm_eval.api.instance import Instance

from companion.core.errors import DatasetError, RecipeError
from companion.core.recipes.evaluate import Evaluate, Tasks
from companion.llama.scoring import score
from companion.workshop.evaluation import tasks
from companion.workshop.evaluation.combine import combined
from companion.workshop.evaluation.family import Material, Situation
from companion.workshop.evaluation.harness import EngineLM
from companion.workshop.evaluation.opened import Opened, open_subjects
from companion.workshop.evaluation.task_files import refuse_code
from tests.tiny_models import write_tiny_llama
from tests.workshop.evaluation.canned import by_key

FOLDER = Path(__file__).with_name("tasks")
METRICS = {"acc", "acc_norm", "exact_match", "word_perplexity", "byte_perplexity", "bits_per_byte"}


@pytest.fixture(scope="module")
def talkative(talkative_model: Path) -> Iterator[Opened]:
    with open_subjects(Evaluate(subjects=((str(talkative_model),),))) as (subjects, _):
        yield subjects[0]


def asked(kind, *args):
    return [Instance(request_type=kind, doc={}, arguments=each, idx=0) for each in args]


def section(opened, *names, limit=0, folder=FOLDER):
    recipe = Evaluate(tasks=Tasks(enabled=True, names=names, folder=str(folder), limit=limit))
    return tasks.measure(Situation(recipe, opened, Material((), (), ()), (), None, lambda share: None))


def direct(opened, before, text):
    """Nats of a text behind some tokens, each token from whole rows of logits."""
    ending = opened.model.vocabulary.tokenize(text)
    with opened.context(1024) as context:
        return float(score(context, [*before, *ending])[len(before) - 1 :].sum())


def test_the_choices_of_a_question_are_those_of_direct_computation(talkative):
    found = section(talkative, "sky_choice")
    right, norm = [], []
    for line in (FOLDER / "sky.jsonl").read_text().splitlines():
        doc = json.loads(line)
        before = talkative.model.vocabulary.tokenize(f"Question: {doc['question']}\nAnswer:")
        nats = [direct(talkative, before, f" {choice}") for choice in doc["choices"]]
        right.append(nats.index(max(nats)) == doc["answer"])
        each = [value / len(choice) for value, choice in zip(nats, doc["choices"], strict=True)]
        norm.append(each.index(max(each)) == doc["answer"])
    metric = by_key(found, "sky_choice.acc")
    assert metric.value == sum(right) / 6
    assert by_key(found, "sky_choice.acc_norm").value == sum(norm) / 6
    assert metric.items.vectors == tuple((float(flag), 1.0) for flag in right)
    assert metric.better == "higher"
    assert found.tables[0].rows[0][0] == "sky_choice"


def test_the_likelihood_of_whole_texts_is_that_of_direct_computation(talkative):
    found = section(talkative, "sky_text")
    pages = [json.loads(line)["page"] for line in (FOLDER / "sky_text.jsonl").read_text().splitlines()]
    nats = sum(direct(talkative, [talkative.model.vocabulary.bos], page) for page in pages)
    count = sum(len(page.encode()) for page in pages)
    bits = by_key(found, "sky_text.bits_per_byte")
    assert bits.value == pytest.approx(-nats / count / math.log(2), rel=1e-5)
    assert bits.better == "lower"
    for name in ("bits_per_byte", "byte_perplexity", "word_perplexity"):
        metric = by_key(found, f"sky_text.{name}")
        assert combined(metric.items) == pytest.approx(metric.value, rel=1e-6)
        assert len(metric.items.names) == 3


def test_what_is_written_ends_at_the_stop_texts(talkative):
    found = section(talkative, "sky_write", limit=2)
    assert by_key(found, "sky_write.exact_match").value is not None
    assert "first 2 questions" in found.notes[1]
    wishes = [("Once upon a time", {"until": [" of"], "max_gen_toks": 20}), ("A", {"until": "e", "max_gen_toks": 3})]
    written = EngineLM(talkative).generate_until(asked("generate_until", *wishes))
    assert written[0]
    assert " of" not in written[0]
    assert "e" not in written[1]


@pytest.mark.parametrize("tokenizer", ["gpt2", "llama"])
def test_log_likelihoods_are_those_of_all_logits_with_and_without_bos(tmp_path, tokenizer):
    path = write_tiny_llama(tmp_path / "tiny.gguf", tokenizer=tokenizer)
    with open_subjects(Evaluate(subjects=((str(path),),))) as ((opened,), _):
        vocabulary, model = opened.model.vocabulary, EngineLM(opened)
        assert vocabulary.adds_bos == (tokenizer == "llama")
        pairs = [("hello you", " are good"), ("hello you", " and the night"), ("hello you ", "x"), ("", "the star"), ("the", "")]
        for (context, ending), (nats, _) in zip(pairs, model.loglikelihood(asked("loglikelihood", *pairs)), strict=True):
            begin, rest = model.encode_pair(context, ending)
            assert begin[0] == vocabulary.bos or not (vocabulary.adds_bos or not context)
            with opened.context(512) as room:
                truth = float(score(room, [*begin, *rest])[len(begin) - 1 :].sum()) if rest else 0.0
            assert nats == pytest.approx(truth, abs=1e-3 * max(1, len(rest)))
            if context.strip():
                assert b"".join(map(vocabulary.piece, [*begin, *rest])).decode().strip() == (context + ending).strip()


def test_an_ending_is_greedy_when_it_is_what_she_would_write(starter_opened):
    model = EngineLM(starter_opened)
    context = "The capital of France is"
    (written,) = model.generate_until(asked("generate_until", (context, {"until": ["."], "max_gen_toks": 4})))
    pairs = [(context, written), (context, " a carrot"), (context, written + " carrot")]
    together = model.loglikelihood(asked("loglikelihood", *pairs))
    alone = [model.loglikelihood(asked("loglikelihood", pair))[0] for pair in pairs]
    assert [greedy for _, greedy in together] == [greedy for _, greedy in alone] == [True, False, False]
    for (one, _), (other, _) in zip(together, alone, strict=True):
        assert one == pytest.approx(other, abs=0.02)


def test_a_long_text_is_read_in_windows_that_predict_every_token_once(tmp_path):
    path = write_tiny_llama(tmp_path / "tiny.gguf", context=64)
    text = "hello you are good and the night is not " * 12
    with open_subjects(Evaluate(subjects=((str(path),),))) as ((opened,), _):
        model = EngineLM(opened)
        (found,) = model.loglikelihood_rolling(asked("loglikelihood_rolling", (text,)))
        tokens = opened.model.vocabulary.tokenize(text)
        assert len(tokens) > 2 * model.max_length
        with opened.context(80) as context:
            first = float(score(context, [model.prefix, *tokens[:64]]).sum())
            total, at = first, 64
            while at < len(tokens):
                part = tokens[at : at + 64]
                begin = tokens[at - 1 - (64 - len(part)) : at]
                total += float(score(context, [*begin, *part])[len(begin) - 1 :].sum())
                at += len(part)
    assert found == pytest.approx(total, abs=1e-3 * len(tokens))


@pytest.mark.parametrize(
    "line",
    [
        "process_docs: !function evil.run",
        "doc_to_text: !!python/object/apply:os.system ['true']",
        "class: !function evil.Task",
        "class: evil",
        "unsafe_code: true",
        "use_prompt: promptsource:*",
        "metric_list: [{metric: evil}]",
        "metric_list: [{metric: acc, hf_evaluate: true}]",
        "include: ../../elsewhere.yaml",
        "dataset_path: pandas",
        "dataset_path: /home/x/evil",
        "dataset_path: ./evil/set",
        "dataset_kwargs: {data_files: 'https://a.example/x.jsonl'}",
        "a: [",
    ],
)
def test_a_task_file_that_would_run_something_is_refused_with_a_sentence(tmp_path, line):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "evil.yaml").write_text(f"task: evil\n{line}\n")
    with pytest.raises(RecipeError) as caught:
        refuse_code(tmp_path, METRICS)
    assert "evil.yaml" in caught.value.what
    assert caught.value.remedy


def test_what_a_task_file_includes_is_looked_through_whatever_it_is_called(tmp_path):
    (tmp_path / "fine.yaml").write_text("task: fine\ninclude: _base\n")
    (tmp_path / "_base").write_text("process_docs: !function evil.run\n")
    with pytest.raises(RecipeError, match="_base"):
        refuse_code(tmp_path, METRICS)


def test_the_files_shipped_with_the_tests_are_not_refused():
    refuse_code(FOLDER, METRICS)


def test_a_template_cannot_reach_python(talkative, tmp_path):
    proof = tmp_path / "proof"
    attack = f"{{{{ ''.__class__.__mro__[1].__subclasses__() }}}}{{{{ cycler.__init__.__globals__.os.mkdir('{proof}') }}}}"
    text = (FOLDER / "sky_choice.yaml").read_text().replace("Question: {{question}}", attack).replace("sky_choice", "sky_evil")
    (tmp_path / "sky_evil.yaml").write_text(text)
    (tmp_path / "sky.jsonl").write_bytes((FOLDER / "sky.jsonl").read_bytes())
    with pytest.raises(DatasetError):
        section(talkative, "sky_evil", folder=tmp_path)
    assert not proof.exists()


def test_a_task_without_its_data_is_a_sentence_and_nothing_is_fetched(talkative, tmp_path):
    text = (FOLDER / "sky_choice.yaml").read_text().replace("sky_choice", "sky_gone").replace("sky.jsonl", "x")
    (tmp_path / "sky_gone.yaml").write_text(text.replace("dataset_path: json", "dataset_path: nobody/nothing"))
    with pytest.raises(DatasetError, match="must be on this machine"):
        section(talkative, "sky_gone", folder=tmp_path)
    assert "HF_HUB_OFFLINE" not in os.environ


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        pytest.param(FOLDER, "no_such_task", marks=pytest.mark.slow),  # lm_eval looks through its 10,000 tasks first
        (Path("/nowhere/at/all"), "sky_choice"),
    ],
)
def test_an_unknown_task_or_folder_is_a_sentence(talkative, folder, name):
    with pytest.raises(RecipeError):
        section(talkative, name, folder=folder)


def test_without_names_it_is_skipped(talkative):
    assert section(talkative).state == "skipped"
