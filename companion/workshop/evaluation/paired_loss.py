"""The loss of one reply after several forms of what was said before it: computed side by side, what they share only once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from companion.core.dataset import Dialogue, DialogueTurn
from companion.core.errors import ModelError
from companion.llama.chat_template import TemplateError
from companion.llama.likelihood import Likelihood, likelihood
from companion.llama.scoring import branches
from companion.workshop.data.batch import Example
from companion.workshop.data.template import TrainingTemplate
from companion.workshop.evaluation.endings import shared_beginning
from companion.workshop.evaluation.family import Prompt, Tell
from companion.workshop.evaluation.opened import Opened

_FAR_LONGER: Final = 512
"""Tokens more than the shortest form from which on a form is read for itself: of its words no probabilities are wanted."""


def reply_example(opened: Opened, prompt: Prompt) -> Example:
    """The prompt with its reference as her reply; only that reply, with the token that ends it, is to be learned.

    Raises ModelError when the chat template cannot write these turns.
    """
    before = [replace(turn, train=False) for turn in prompt.dialogue.messages]
    dialogue = Dialogue(messages=(*before, DialogueTurn("assistant", prompt.reference)))
    try:
        return TrainingTemplate(opened.model.vocabulary, opened.template).example(dialogue)
    except TemplateError as error:
        raise ModelError(
            f"The chat template of “{opened.path.name}” cannot write “{prompt.name}” ({error}).",
            "Leave this dialogue out, or choose another model.",
        ) from error


def reply_losses(opened: Opened, groups: Sequence[Sequence[Example]], tell: Tell) -> list[list[Likelihood]]:
    """Nats over the learned tokens of each form of each group; forms of one group end alike and differ before that.

    Raises ModelError when there is no room for the longest, EngineError when the model computes nonsense.
    """
    longest = max((len(example.tokens) for group in groups for example in group), default=0)
    most = max(map(len, groups), default=0)
    if not longest:
        return [[] for _ in groups]
    room = longest + min(most * _FAR_LONGER, 2048)
    found = []
    with opened.context(room, batch=max(512, most + 1), sequences=most + 1) as context:
        for number, group in enumerate(groups, start=1):
            shortest = min(len(example.tokens) for example in group)
            near = [example for example in group if len(example.tokens) <= shortest + _FAR_LONGER]
            shared = shared_beginning([example.tokens for example in near], [example.learn.index(True) for example in near])
            values = iter(branches(context, near[0].tokens[:shared], [example.tokens[shared:] for example in near]))
            losses = []
            for example in group:
                if len(example.tokens) > shortest + _FAR_LONGER:
                    losses.append(likelihood(context, example.tokens, example.learn))
                    continue
                learned = example.learn[shared:]
                nats = -float(next(values)[learned].sum())
                losses.append(Likelihood(nats, sum(learned)))
            found.append(losses)
            tell(number / len(groups))
    return found
