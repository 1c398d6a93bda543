"""Every prompt gets its reply, the same one every time."""

from __future__ import annotations

from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.recipes.evaluate import Replies
from companion.workshop.evaluation.family import Prompt
from companion.workshop.evaluation.opened import Opened
from companion.workshop.evaluation.replies import answer, seed_of

SAID = ["Hi, how are you?", "I had a long day.", "Tell me something nice.", "What do you like?"]


def prompts() -> list[Prompt]:
    card = DialogueTurn("system", "You are a kind friend. Answer in one short sentence.")
    return [Prompt(f"d{i}#1", Dialogue(messages=(card, DialogueTurn("user", said)))) for i, said in enumerate(SAID)]


def alone(opened: Opened) -> Opened:
    """On one thread: two wait for each other when another program needs a core."""
    return opened._replace(threads=1)


def test_replies_come_in_the_order_of_the_prompts_and_are_the_same_again(starter_opened):
    options, told = Replies(tokens=16, at_once=3), list[float]()
    found = answer(alone(starter_opened), prompts(), options, 5, told.append)
    assert [reply.prompt.name for reply in found] == [prompt.name for prompt in prompts()]
    assert told[-1] == 1
    for reply in found:
        assert reply.text == reply.text.strip() != ""
        assert 0 < reply.tokens <= 16
        assert reply.ended or reply.tokens == 16
        assert reply.seconds > 0
    again = answer(alone(starter_opened), prompts(), options, 5, told.append)
    assert [reply.text for reply in again] == [reply.text for reply in found]


def test_another_seed_gives_other_replies_and_greedy_ones_have_no_seed(starter_opened):
    def texts(sampling: str, seed: int) -> list[str]:
        options = Replies(tokens=12, sampling=sampling)
        return [reply.text for reply in answer(alone(starter_opened), prompts(), options, seed, lambda share: None)]

    assert texts("chat", 1) != texts("chat", 2)
    assert texts("greedy", 1) == texts("greedy", 2)


def test_each_prompt_has_a_seed_of_its_own():
    seeds = {seed_of(seed, prompt.name) for seed in (0, 1) for prompt in prompts()}
    assert len(seeds) == 8
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_no_prompts_are_no_work(starter_opened):
    assert answer(starter_opened, [], Replies(), 0, lambda share: None) == []
