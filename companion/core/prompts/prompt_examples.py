"""Example dialogues: a card's `mes_example` as turns, so that the model sees how she talks in the form of real talk."""

from __future__ import annotations

import re

from companion.core.messages import Turn
from companion.core.prompts.macros import fill_macros
from companion.core.prompts.scene import Scene

MAX_EXAMPLE_TURNS = 200
_START = re.compile(r"^[ \t]*<start>[ \t]*", re.IGNORECASE | re.MULTILINE)


def example_blocks(scene: Scene) -> tuple[tuple[Turn, ...], ...]:
    """One tuple of turns for each `<START>` block that says something; a block begins with a heading by the system.

    Lines that begin with a speaker (`{{user}}:`, `<BOT>:`, or one of the names) begin a turn, other lines go on with it.
    What stands before the first speaker, and a block without any, belongs to the heading.
    """
    example = scene.character.card.mes_example
    if not example.strip():
        return ()
    speaker = _speakers(scene)
    blocks = []
    left = MAX_EXAMPLE_TURNS
    for block in _START.split(example):
        turns = _turns(block, speaker, scene)[:left]
        if turns:
            left -= len(turns)
            blocks.append(tuple(turns))
    return tuple(blocks)


def _speakers(scene: Scene) -> re.Pattern[str]:
    character, persona = scene.character, scene.persona
    hers = {r"\{\{char\}\}", "<bot>", "<char>", re.escape(character.called), re.escape(character.card.name.strip())}
    theirs = {r"\{\{user\}\}", "<user>", re.escape(persona.called)}
    return re.compile(rf"[ \t]*(?:(?P<hers>{'|'.join(sorted(hers))})|(?:{'|'.join(sorted(theirs))}))[ \t]*:", re.IGNORECASE)


def _turns(block: str, speaker: re.Pattern[str], scene: Scene) -> list[Turn]:
    heading: list[str] = []
    said: list[tuple[bool, list[str]]] = []
    for line in block.strip().splitlines():
        found = speaker.match(line)
        if found is None:
            (said[-1][1] if said else heading).append(line)
        elif said and said[-1][0] == (found["hers"] is not None):
            said[-1][1].append(line[found.end() :].strip())
        else:
            said.append((found["hers"] is not None, [line[found.end() :].strip()]))
    turns = [Turn("assistant" if hers else "user", _text(lines, scene), kind="example") for hers, lines in said]
    turns = [turn for turn in turns if turn.text]
    told = _text(heading, scene)
    if not turns and not told:
        return []
    title = f"An example of how {scene.character.called} talks:"
    return [Turn("system", f"{title}\n{told}" if told else title, kind="example"), *turns]


def _text(lines: list[str], scene: Scene) -> str:
    return fill_macros("\n".join(lines), scene).strip()
