"""What the person may want her to learn, whether their dialogues can serve it, and by which method: in plain words."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, NamedTuple

from companion.core.amounts import counted
from companion.core.dataset_findings import Inspection

LEAST_JUDGED: Final = 2
"""Pairs or thumbs; one alone has nothing to be told from."""
FEW_REPLIES: Final = 30
"""With fewer of them she is told to have little to go by."""
NO_REPLY: Final = "There is no reply here that she could learn from."
FINE_TUNING: Final = "Fine-tuning (LoRA)"


class Goal(Enum):
    """The values are what a person reads."""

    SOUND = "Sound more like this"
    STOP = "Stop doing that"
    FACTS = "Know these facts"


class Offer(NamedTuple):
    """A goal as it stands on the page."""

    goal: Goal
    sentence: str
    """What is done for it, and what it cannot do."""
    refusal: str = ""
    """Why the dialogues cannot serve it; empty when they can."""
    method: str = ""
    """By what it is done, in the words of those who know: for a tooltip."""


def offers(found: Inspection) -> tuple[Offer, ...]:
    """Every goal, those that cannot be served with the reason."""
    return (_sound(found), _stop(found), _facts(found))


def method_for(found: Inspection) -> Literal["dpo", "kto"]:
    """DPO (Rafailov et al. 2023, arXiv:2305.18290) compares two replies; KTO (Ethayarajh et al. 2024, arXiv:2402.01306) takes
    replies that were judged alone, so it is for those who gave thumbs only."""
    return "dpo" if found.pairs >= LEAST_JUDGED else "kto"


def _sound(found: Inspection) -> Offer:
    sentence = "She learns from the good replies themselves: their tone, their length, their words."
    if not found.learned_replies:
        return Offer(Goal.SOUND, sentence, NO_REPLY, FINE_TUNING)
    if found.learned_replies < FEW_REPLIES:
        few = counted(found.learned_replies, "reply", "replies")
        sentence += f" {few} will change her a little; a hundred would change her clearly."
    return Offer(Goal.SOUND, sentence, method=FINE_TUNING)


def _stop(found: Inspection) -> Offer:
    if found.pairs + found.thumbs < LEAST_JUDGED:
        why = "She needs at least two replies that you judged: give a thumb down in the chat, or write what she should have said."
        return Offer(Goal.STOP, "She learns which of her replies you like better.", why, "Preference tuning")
    if method_for(found) == "dpo":
        pairs = counted(found.pairs, "pair")
        sentence = f"She compares the better reply with the worse one in {pairs}, because you showed what she should say."
        if found.thumbs:
            single = counted(found.thumbs, "single thumb has", "single thumbs have")
            sentence += f" {single} nothing to be compared with: {'it stays' if found.thumbs == 1 else 'they stay'} out."
        return Offer(Goal.STOP, sentence, method="Preference tuning by pairs (DPO)")
    judged = counted(found.pairs + found.thumbs, "judged reply", "judged replies")
    alone = "because your thumbs stand alone, without a better reply beside them"
    few = "because only one of them has a better reply beside it, which is too few to compare"
    sentence = f"She learns from {judged} one by one, {few if found.pairs else alone}."
    return Offer(Goal.STOP, sentence, method="Preference tuning by single replies (KTO)")


def _facts(found: Inspection) -> Offer:
    sentence = (
        "She reads the dialogues many times, while staying close to how she was. She learns to say what stands there as it "
        "stands there; asked in other words she may still mix it up. What must be right belongs in her memories."
    )
    return Offer(Goal.FACTS, sentence, "" if found.learned_replies else NO_REPLY, FINE_TUNING)
