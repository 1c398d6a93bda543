"""`start.py bench recall`: where in the prompt a small model looks for what it is told to remember.

Ten facts, a question about each after a little talk, and the fact among two or nine others; an answer counts when it
holds the word. The starter model is a hard judge: it has 135 million parameters. "ours" is what the program does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import msgspec

from companion.core.character import CharacterOptions
from companion.core.character_library import built_in_character
from companion.core.conversation import Message
from companion.core.messages import Piece, Turn
from companion.core.persona import Persona
from companion.core.prompts.prompt import Scene, assemble, greeting
from companion.core.sampling import Sampling
from companion.engine.client import EngineClient
from tests.benchmark_report import Report, starter_or_leave

FACTS = (
    ("Sam's cat is called Miso.", "What is my cat called?", "miso"),
    ("Sam lives in Lisbon.", "Which city do I live in?", "lisbon"),
    ("Sam plays the cello.", "Which instrument do I play?", "cello"),
    ("Sam's sister is named Clara.", "What is my sister's name?", "clara"),
    ("Sam works as a nurse.", "What is my job?", "nurse"),
    ("Sam's favourite colour is green.", "What is my favourite colour?", "green"),
    ("Sam is allergic to peanuts.", "What am I allergic to?", "peanut"),
    ("Sam's birthday is in March.", "In which month is my birthday?", "march"),
    ("Sam is learning Japanese.", "Which language am I learning?", "japanese"),
    ("Sam drives an old red truck.", "What do I drive?", "truck"),
)
TALK = (
    *("Hi, it's me, Sam.", "Sam, good to see you. The tea is still hot."),
    *("It was a long day.", "Then sit down and look up for a while. The sky is clear tonight."),
)
DRAWS = (Sampling(temperature=0, max_tokens=48), *(Sampling(temperature=0.4, max_tokens=48, seed=n) for n in (1, 2, 3)))
Turns = list[Turn]


def system_list(known: str, facts: Sequence[str]) -> Turn:
    return Turn("system", "\n".join([known, *(f"- {fact}" for fact in facts)]), kind="insert")


def at_the_end_of_the_card(turns: Turns, facts: Sequence[str]) -> Turns:
    text = f"{turns[0].text}\n\n{system_list('What Hoshi knows about Sam:', facts).text}"
    return [Turn("system", text, kind="card"), *turns[1:]]


def before_the_question(turns: Turns, facts: Sequence[str]) -> Turns:
    return [*turns[:-1], system_list("What Hoshi knows about Sam:", facts), turns[-1]]


def after_the_question(turns: Turns, facts: Sequence[str]) -> Turns:
    return [*turns, system_list("What Hoshi knows about Sam:", facts)]


def in_the_question(turns: Turns, facts: Sequence[str]) -> Turns:
    known = f"(Hoshi remembers about Sam: {' '.join(facts)})"
    return [*turns[:-1], Turn("user", f"{known}\n\n{turns[-1].text}", turns[-1].id)]


PLACES: dict[str, Callable[[Turns, Sequence[str]], Turns]] = {
    "nowhere": lambda turns, facts: turns,
    "card": at_the_end_of_the_card,
    "system_before": before_the_question,
    "system_after": after_the_question,
    "question": in_the_question,
}


def path(scene: Scene, question: str) -> list[Message]:
    said = [greeting(scene), *TALK, question]
    return [
        Message(id=i + 1, conversation=1, parent=i or None, role="user" if i % 2 else "assistant", text=text, created=0.0)
        for i, text in enumerate(said)
    ]


def recalled(engine: EngineClient, turns: Sequence[Turn], word: str) -> int:
    """How many of the draws hold the word."""
    replies = ("".join(e.text for e in engine.generate(turns, draw) if isinstance(e, Piece)) for draw in DRAWS)
    return sum(word in reply.lower() for reply in replies)


def main() -> int:
    report = Report("Recall")
    starter = starter_or_leave()
    hoshi = msgspec.structs.replace(built_in_character(), options=CharacterOptions())
    scene = Scene(character=hoshi, persona=Persona(name="Sam"))
    with EngineClient() as engine:
        engine.load(starter)
        for count in (3, 10):
            counts = dict.fromkeys(("ours", *PLACES), 0)
            for number, (fact, question, word) in enumerate(FACTS):
                others = [FACTS[(number + 1 + 3 * i) % len(FACTS)][0] for i in range(count - 1)]
                memories = (fact, *others)  # retrieval puts the one that matters most first
                facts = tuple(reversed(memories))  # the order in which ours tells them, for every place
                plain = list(assemble(scene, path(scene, question)))
                ours = assemble(msgspec.structs.replace(scene, memories=memories), path(scene, question))
                counts["ours"] += recalled(engine, ours, word)
                for name, place in PLACES.items():
                    counts[name] += recalled(engine, place(plain, facts), word)
            for name, right in counts.items():
                report.add(f"recalled_{name}_of_{count}", 100 * right / (len(FACTS) * len(DRAWS)), "%")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
