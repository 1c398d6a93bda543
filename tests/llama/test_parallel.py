"""Several replies at once are those that would be written one at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from companion.core.messages import Turn
from companion.core.sampling import PRESETS, Sampling
from companion.llama.context import Context, ContextOptions
from companion.llama.model import Model
from companion.llama.parallel import Task, Written, generate, tokens_needed
from companion.llama.prompt import tokens_of
from tests.tiny_models import write_tiny_llama

GREEDY = replace(PRESETS["Exact"], max_tokens=12)
LIVELY = Sampling(temperature=1.5, seed=7, max_tokens=12)


@pytest.fixture(scope="module", params=[True, False], ids=["ends", "goes on"])
def model(request, library, tmp_path_factory) -> Iterator[Model]:
    path = write_tiny_llama(tmp_path_factory.mktemp("parallel") / "model.gguf", ends=request.param, context=4096)
    with Model(library, path) as loaded:
        yield loaded


def tasks(model: Model, sampling: Sampling, count: int = 7) -> list[Task]:
    """Prompts of different lengths with the same beginning."""
    beginning = model.vocabulary.tokenize("You are with me and the night is good. ")
    said = ["hello", "what is love", "tell me about you and me and that", "you", "how", "the star is not with me", "name"]
    return [
        Task([*beginning, *model.vocabulary.tokenize(said[i % len(said)])], replace(sampling, seed=sampling.seed + i))
        for i in range(count)
    ]


def written(model: Model, wanted: list[Task], at_once: int, **more) -> list[Written]:
    options = ContextOptions(tokens_needed(wanted, at_once), threads=1, sequences=at_once + 1, batch=64, flash_attention=False)
    with Context(model, options) as context:
        return generate(context, wanted, **more)


def words(replies: list[Written]) -> list[tuple[str, int, bool]]:
    return [(reply.text, reply.tokens, reply.ended) for reply in replies]


@pytest.mark.parametrize("sampling", [GREEDY, LIVELY], ids=["greedy", "lively"])
def test_replies_do_not_depend_on_how_many_are_written_at_once(model, sampling):
    wanted = tasks(model, sampling)
    alone = [written(model, [task], 1)[0] for task in wanted]
    for at_once in (1, 3, 7, 12):
        assert words(written(model, wanted, at_once)) == words(alone)


def test_the_same_call_again_gives_the_same_replies(model):
    wanted = tasks(model, LIVELY)
    assert words(written(model, wanted, 4)) == words(written(model, wanted, 4))


def test_a_prompt_that_is_longer_than_a_batch_is_read_in_parts_beside_the_others(model):
    wanted = tasks(model, LIVELY, 3)
    long = Task([*wanted[0].tokens, *model.vocabulary.tokenize("night and star and you " * 30)], LIVELY)
    wanted.insert(1, long)
    assert words(written(model, wanted, 4)) == words([written(model, [task], 1)[0] for task in wanted])


@pytest.mark.parametrize("at_once", [1, 2, 4, 6])
def test_turns_of_one_dialogue_share_what_they_have_in_common(model, at_once):
    talk = model.vocabulary.tokenize("You are with me and the night is good. Hello, what is your name and how are you? " * 3)
    wanted = [Task(talk[:length], replace(LIVELY, max_tokens=most)) for length, most in ((60, 1), (90, 5), (40, 9), (91, 3))]
    wanted += tasks(model, LIVELY, 2)
    assert words(written(model, wanted, at_once)) == words([written(model, [task], 1)[0] for task in wanted])


def test_prompts_without_a_common_beginning_are_answered_too(model):
    wanted = [Task(model.vocabulary.tokenize(text), LIVELY) for text in ("hello", "name", "star and you")]
    assert words(written(model, wanted, 3)) == words([written(model, [task], 1)[0] for task in wanted])


def test_one_prompt_many_times_is_answered_with_each_seed(model):
    wanted = [replace_seed(tasks(model, LIVELY, 1)[0], seed) for seed in range(6)]
    found = written(model, wanted, 3)
    assert len({reply.text for reply in found}) > 1


def replace_seed(task: Task, seed: int) -> Task:
    return task._replace(sampling=replace(task.sampling, seed=seed))


def test_a_reply_ends_before_a_stop_text_or_is_cut(library, talkative_model):
    with Model(library, talkative_model) as model:
        task = Task(model.vocabulary.tokenize("hello"), GREEDY)
        whole = written(model, [task], 1)[0]
        assert (whole.tokens, whole.ended) == (12, False)
        stop = whole.text[3:5]
        found = written(model, [task], 1, stops=(stop,))[0]
        assert found.ended
        assert found.text == whole.text[: whole.text.find(stop)]


def test_progress_is_told_and_giving_up_leaves_the_context_usable(model):
    wanted, shares = tasks(model, GREEDY), list[float]()
    written(model, wanted, 3, tell=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1

    def enough(share: float) -> None:
        raise KeyboardInterrupt

    with Context(model, ContextOptions(1024, 1, sequences=4, batch=64, flash_attention=False)) as context:
        with pytest.raises(KeyboardInterrupt):
            generate(context, wanted, tell=enough)
        assert words(generate(context, wanted)) == words(written(model, wanted, 3))


def test_nothing_to_answer_is_no_work(model):
    with Context(model, ContextOptions(256, 1, sequences=2)) as context:
        assert generate(context, []) == []


def test_the_starter_model_ends_its_turns(starter_loaded, starter_template):
    said = ["Say hello in one word.", "What is two plus two? Answer with one number.", "Name one colour, nothing else."]
    prompts = [tokens_of(starter_loaded.vocabulary, starter_template.render([Turn("user", text)])) for text in said]
    wanted = [Task(prompt, replace(PRESETS["Exact"], max_tokens=60)) for prompt in prompts]
    found = written(starter_loaded, wanted, 3)
    assert all(reply.text and reply.tokens for reply in found)
    assert any(reply.ended for reply in found)
    assert all("<|im_end|>" not in reply.text for reply in found)
