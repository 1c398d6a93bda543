"""From a character and the active path of a conversation to the turns of a prompt. The only place that does this.

What changes seldom stands first and what changes at every message stands near the end: the model reads a prompt anew
from the first difference on, and a processor reads some hundred tokens a second.

1. The system turn: the card's instructions and texts, lore before and after the character, who the person is.
2. The summary of what no longer fits, and the example dialogues, which leave first when room gets short.
3. The messages; among them, counted from the newest, lore and the author's note at their depths.
4. Right before the newest message of the person, as a turn of theirs: what she remembers, and how the person sounds.
   Right behind it: the card's `post_history_instructions`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from companion.core.conversation import Message
from companion.core.memory import UNNAMED
from companion.core.messages import Turn
from companion.core.moods import LABELS, NEUTRAL
from companion.core.prompts.lore_decorators import LoreRole as Role
from companion.core.prompts.lore_scan import ActiveLore, activate
from companion.core.prompts.macros import fill_macros, fill_names
from companion.core.prompts.prompt_examples import example_blocks
from companion.core.prompts.scene import Scene
from companion.core.prompts.token_estimate import within_tokens

__all__ = ["PromptPart", "Scene", "assemble", "greeting", "greetings", "preview", "system_text"]

DEFAULT_SYSTEM_PROMPT = (
    "You are {{char}}, talking with {{user}}. Stay {{char}}. Answer in one to three short sentences, the way people talk, "
    "without lists."
)
"""Of a card that brings none, and what {{original}} means in one that does. Short: a small model follows three rules
better than ten."""


_SENTENCE_OF_NOBODY = re.compile(rf"(?:^|[.!?]\s+){UNNAMED}\b")


class PromptPart(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a prompt and what it is, for people."""

    title: str
    turn: Turn
    joined: bool = False
    """Whether it goes on the turn of the part before it."""


def greeting(scene: Scene) -> str:
    """The first message of a conversation."""
    text = fill_macros(scene.character.card.first_mes, scene).strip()
    return text or f"Hello. I'm {scene.character.called}."


def greetings(scene: Scene) -> tuple[str, ...]:
    """Every way the card begins a conversation, the first one first; they become alternates of the first message."""
    others = (fill_macros(text, scene).strip() for text in scene.character.card.alternate_greetings)
    return (greeting(scene), *(text for text in others if text))


def system_text(scene: Scene) -> str:
    """The system turn of a conversation that has not begun: who she is, where this happens, and who she talks to."""
    return assemble(scene, ())[0].text


def assemble(scene: Scene, messages: Sequence[Message], *, ahead: bool = False) -> tuple[Turn, ...]:
    """System turn first, then the active path, oldest first; empty replies (just begun) are left out.

    With `ahead`, what the next prompt will begin with whatever the person says next: everything stands where it will
    stand then, up to what depends on the words that are still missing.
    """
    turns: list[Turn] = []
    for part in _parts(scene, messages, ahead=ahead):
        if part.joined:
            turns[-1] = msgspec.structs.replace(turns[-1], text=f"{turns[-1].text}\n\n{part.turn.text}")
        else:
            turns.append(part.turn)
    return tuple(turns)


def preview(scene: Scene, messages: Sequence[Message] = ()) -> tuple[PromptPart, ...]:
    """The same turns in titled parts, for people who want to see what the model is told."""
    return tuple(_parts(scene, messages, ahead=False))


def _named(scene: Scene) -> Scene:
    """To the model "you" is the character, so a person without a name is not called that."""
    if scene.persona.name.strip():
        return scene
    return msgspec.structs.replace(scene, persona=msgspec.structs.replace(scene.persona, name=UNNAMED))


def _begun(text: str) -> str:
    """A sentence that begins with {{user}} begins with a capital for a person without a name too."""
    return _SENTENCE_OF_NOBODY.sub(lambda found: found[0][: -len(UNNAMED)] + UNNAMED.capitalize(), text)


def _parts(scene: Scene, messages: Sequence[Message], *, ahead: bool) -> Iterator[PromptPart]:
    said = [message for message in messages if message.text]
    scene = _named(scene)
    lore = activate(scene, said, ahead=ahead)
    for number, (title, text) in enumerate(_system(scene, lore)):
        yield PromptPart(title=title, turn=Turn("system", _begun(text), kind="card"), joined=number > 0)
    if scene.summary.strip():
        text = f"What happened so far: {scene.summary.strip()}"
        yield PromptPart(title="Summary", turn=Turn("system", text, kind="insert"))
    blocks = example_blocks(scene)
    for number, block in enumerate(blocks, start=1):
        title = f"Example {number}" if len(blocks) > 1 else "Example"
        yield from (PromptPart(title=title, turn=turn) for turn in block)
    if blocks:
        text = f"Now {scene.persona.called} and {scene.character.called} talk:"
        yield PromptPart(title="End of the examples", turn=Turn("system", text, kind="example"))
    yield from _talk(scene, said, lore, ahead=ahead)


def _system(scene: Scene, lore: Sequence[ActiveLore]) -> Iterator[tuple[str, str]]:
    """The parts of the system turn. A text of the card that another one names ({{scenario}}) is not told twice."""
    card, char, user = scene.character.card, scene.character.called, scene.persona.called
    default = fill_macros(DEFAULT_SYSTEM_PROMPT, scene)
    own = fill_macros(card.system_prompt, scene, original=default).strip()
    naming = card.system_prompt.lower()
    yield "Instructions", own or default
    yield from _lore_at("before_char", lore)
    texts = (
        ("Description", "description", "{}", card.description),
        ("Personality", "personality", f"{char}'s personality: {{}}", card.personality),
        ("Scenario", "scenario", "Scenario: {}", card.scenario),
        ("Persona", "persona", f"About {user}: {{}}", scene.persona.description),
    )
    for title, field, form, text in texts:
        filled = fill_macros(text, scene).strip()
        if filled and f"{{{{{field}}}}}" not in naming:
            yield title, form.replace("{}", filled, 1)
        naming += text.lower()
        yield from _lore_at(field, lore)
    yield from _lore_at("after_char", lore)


def _lore_at(place: str, lore: Sequence[ActiveLore]) -> Iterator[tuple[str, str]]:
    return ((f"Lore: {entry.name}", entry.text) for entry in lore if entry.place == place)


def _talk(scene: Scene, said: Sequence[Message], lore: Sequence[ActiveLore], *, ahead: bool) -> Iterator[PromptPart]:
    """The messages with what stands among them. Depths are counted from what the person said last: a reply that is
    continued keeps the prompt it was begun with."""
    begun = said[-1:] if said and said[-1].role == "assistant" and not ahead else []
    before = said[: len(said) - len(begun)]
    count = len(before) + ahead
    inserts = list(_inserts(scene, lore, count))
    for gap in range(count + 1):
        yield from (part for depth, part in inserts if max(count - depth, 0) == gap)
        if gap == len(before) and ahead:
            return  # here the next message will stand, with what she remembers of what it is about
        if gap < len(before):
            if gap == count - 1 and before[gap].role == "user" and (known := _known(scene)):
                yield _insert("Memory", "user", f"({known})")
            yield _message(scene, before[gap])
    yield from (_message(scene, message) for message in begun)


def _inserts(scene: Scene, lore: Sequence[ActiveLore], turn: int) -> Iterator[tuple[int, PromptPart]]:
    """What stands among the messages, with the number of messages that come after it."""
    for entry in lore:
        if entry.place in ("depth", "note"):
            yield entry.depth, _insert(f"Lore: {entry.name}", entry.role, entry.text)
    if note := fill_macros(scene.note, scene, turn=turn).strip():
        yield scene.note_depth, _insert("Author's note", "system", note)
    if rule := fill_macros(scene.character.card.post_history_instructions, scene, turn=turn).strip():
        yield 0, _insert("After the messages", "system", rule)


def _known(scene: Scene) -> str:
    """What she remembers and notices of the person, within the tokens that the character's options give to it.

    Place, wording and order were chosen by what the starter model could answer about ten facts (`start.py bench recall`,
    two runs, 160 answers for each place): 54 % here, 56 % at the beginning of the question itself, 38 % in a system turn
    at this place, 34 % in the card's turn, 20 % in a system turn behind the question. A run varies by some 10 %.
    """
    char, user = scene.character.called, scene.persona.called
    facts = within_tokens(tuple(fill_names(text, scene) for text in scene.memories), scene.character.options.memory_tokens)
    sentences = []
    if facts:
        told = (fact if fact.endswith((".", "!", "?", "…", "。")) else f"{fact}." for fact in map(str.strip, reversed(facts)))
        sentences.append(f"{char} remembers about {user}: {' '.join(told)}")
    if scene.person_mood in LABELS and scene.person_mood != NEUTRAL.label:
        sentences.append(f"{user}'s mood: {scene.person_mood}.")
    return " ".join(sentences)


def _insert(title: str, role: Role, text: str) -> PromptPart:
    return PromptPart(title=title, turn=Turn(role, text, kind="insert"))


def _message(scene: Scene, message: Message) -> PromptPart:
    title = scene.persona.called if message.role == "user" else scene.character.called
    return PromptPart(title=title, turn=Turn(message.role, message.text, message.id))
