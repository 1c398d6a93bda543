"""The macros in a card's texts, as Character Card V3 and SillyTavern write them: {{char}}, {{random:a,b}}, {{roll:1d6}}, ...

What a macro becomes is never looked at again, so a name or a text that looks like a macro stays as it is. Only the card's
own fields ({{description}} and its like) have their macros filled where they are put. What a person types is a message,
and messages never come here.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable
from datetime import datetime

from companion.core.prompts.scene import Scene

MAX_FILLED = 200_000
"""Characters that the macros of one text may put into it; beyond, they become nothing. Fields that name each other many
times over would otherwise grow without end."""
MAX_DICE, MAX_FACES = 100, 1_000_000
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_UNITS = (
    *(("year", 31_557_600), ("month", 2_629_800), ("week", 604_800)),
    *(("day", 86_400), ("hour", 3600), ("minute", 60)),
)
"""In seconds."""
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MARKS = re.compile(r"\{\{(?!\{)|\}\}|<(?:user|bot|char)>", re.ASCII | re.IGNORECASE)
_COMMA = re.compile(r"(?<!\\),")
_DICE = re.compile(r"(?:(\d{1,4})?d)?(\d{1,8})([+-]\d{1,8})?", re.ASCII | re.IGNORECASE)
_NAMES = re.compile(r"\{\{(char|user)\}\}|<(bot|char|user)>", re.ASCII | re.IGNORECASE)
_FIELDS = ("description", "personality", "scenario", "mesexamples", "persona")


class _Trim:
    """Stands where {{trim}} was, until the text around it is known."""


_TRIM = _Trim()
_Piece = str | _Trim


def fill_macros(text: str, scene: Scene, *, original: str = "", turn: int = 0) -> str:
    """Fill the macros of a card's text; unknown ones stay as typed. Never raises.

    Chance is settled by the conversation (`scene.seed`), the text and the place in it, so that the same prompt is
    written every time and what the model has read of it need not be read again. `turn`, the number of messages, makes
    {{random}} and {{roll}} fall anew for each reply, for texts that stand near the end; {{pick}} never changes.
    {{time}} and {{idle_duration}} are right at every reply: a card that has them near its beginning makes the model
    read everything anew each minute.

    `original` is what {{original}} becomes.
    """
    if "{{" not in text and "<" not in text:
        return text
    return _Filling(scene, original, turn).fill(text, ())


def fill_names(text: str, scene: Scene) -> str:
    """Fill {{char}} and {{user}} and nothing else: for texts that no card wrote, such as memories."""

    def name(found: re.Match[str]) -> str:
        return scene.persona.called if "user" in found[0].lower() else scene.character.called

    return _NAMES.sub(name, text)


class _Filling:
    """The filling of one text and of the fields it names."""

    def __init__(self, scene: Scene, original: str, turn: int) -> None:
        self._scene, self._original, self._turn = scene, original, turn
        self._now = scene.now
        self._left = MAX_FILLED
        self._salt = ""
        self._open_fields: tuple[str, ...] = ()

    def fill(self, text: str, open_fields: tuple[str, ...]) -> str:
        salt, outer = self._salt, self._open_fields
        self._salt, self._open_fields = f"{self._scene.seed}:{zlib.crc32(text.encode(errors='replace'))}", open_fields
        frames: list[list[_Piece]] = [[]]
        starts: list[int] = []
        at = 0
        for mark in _MARKS.finditer(text):
            frames[-1].append(text[at : mark.start()])
            at = mark.end()
            if mark[0] == "{{":
                frames.append([])
                starts.append(mark.start())
            elif mark[0] != "}}":
                frames[-1].append(self._limited(self._name(mark[0][1:-1])))
            elif starts:
                inside = frames.pop()
                frames[-1].append(self._replace(inside, starts.pop()))
            else:
                frames[-1].append("}}")
        frames[-1].append(text[at:])
        whole = frames[0]
        for unclosed in frames[1:]:
            whole += ["{{", *unclosed]
        self._salt, self._open_fields = salt, outer
        return _join(whole)

    def _replace(self, inside: list[_Piece], start: int) -> _Piece:
        """What the macro with this inside becomes. Its name must have been typed, so only the first piece can hold it."""
        first = inside[0] if inside and isinstance(inside[0], str) else ""
        name, colon, _ = first.partition(":")
        name = name.lower()
        rest = _join(inside)[len(name) + len(colon) :]
        result: _Piece | None = None
        if name.startswith("//"):
            result = ""
        elif colon:
            result = self._with_argument(name, rest, start)
        elif len(inside) == 1:
            result = self._plain(name)
        if result is None:
            return "{{" + _join(inside) + "}}"
        return self._limited(result) if isinstance(result, str) else result

    def _limited(self, text: str) -> str:
        self._left -= len(text)
        return text if self._left >= 0 else ""

    def _plain(self, name: str) -> _Piece | None:
        if name in ("char", "user"):
            return self._name(name)
        if name in _FIELDS:
            return self._field(name)
        if name == "trim":
            return _TRIM
        simple = _SIMPLE.get(name)
        if simple is not None:
            self._now = self._now or datetime.now()
            return simple(self._now)
        if name == "original":
            return self._original
        if name == "idle_duration":
            return spoken_duration(self._scene.idle_seconds)
        return None

    def _name(self, name: str) -> str:
        return self._scene.persona.called if name.lower() == "user" else self._scene.character.called

    def _field(self, name: str) -> str:
        if name in self._open_fields or len(self._open_fields) > len(_FIELDS):
            return ""
        card = self._scene.character.card
        texts = (card.description, card.personality, card.scenario, card.mes_example, self._scene.persona.description)
        text = texts[_FIELDS.index(name)]
        if len(text) > self._left:
            return ""
        return self.fill(text, (*self._open_fields, name)).strip()

    def _with_argument(self, name: str, rest: str, start: int) -> str | None:
        if name in ("comment", "hidden_key"):
            return ""
        if name == "reverse":
            return rest.removeprefix(":")[::-1]
        if name == "pick":
            return self._chance(f"{start}").choice(_choices(rest))
        if name == "random":
            return self._chance(f"{start}:{self._turn}").choice(_choices(rest))
        if name == "roll":
            return self._roll(rest.removeprefix(":").strip(), start)
        return None

    def _chance(self, place: str) -> random.Random:
        return random.Random(f"{self._salt}:{place}")

    def _roll(self, dice: str, start: int) -> str | None:
        found = _DICE.fullmatch(dice)
        if found is None:
            return None
        count, faces = int(found[1] or 1), int(found[2])
        if not (1 <= count <= MAX_DICE and 1 <= faces <= MAX_FACES):
            return None
        chance = self._chance(f"{start}:{self._turn}")
        return str(sum(chance.randint(1, faces) for _ in range(count)) + int(found[3] or 0))


def spoken_duration(seconds: float, *, in_words: bool = False) -> str:
    """A length of time as people say it: 'a moment', '5 minutes', 'an hour', '3 days'; `in_words`, 'three days'."""
    for name, size in _UNITS:
        count = int(seconds // size)
        if count == 1:
            return f"{'an' if name == 'hour' else 'a'} {name}"
        if count > 1:
            return f"{_NUMBERS[count] if in_words and count < len(_NUMBERS) else count} {name}s"
    return "a moment"


def _choices(rest: str) -> list[str]:
    """`a,b` and `a::b` are both in use; a comma that is meant is written `\\,`."""
    parts = rest.removeprefix(":").split("::") if "::" in rest.removeprefix(":") else _COMMA.split(rest.removeprefix(":"))
    return [part.replace("\\,", ",").strip() for part in parts]


def _join(pieces: list[_Piece]) -> str:
    """The text of the pieces; {{trim}} takes the line breaks around it away."""
    if not any(isinstance(piece, _Trim) for piece in pieces):
        return "".join(piece for piece in pieces if isinstance(piece, str))
    text, trimming = "", False
    for piece in pieces:
        if isinstance(piece, _Trim):
            text, trimming = text.rstrip("\n"), True
        elif piece:
            stripped = piece.lstrip("\n") if trimming else piece
            text += stripped
            trimming = trimming and not stripped
    return text


_SIMPLE: dict[str, Callable[[datetime], str]] = {
    "newline": lambda now: "\n",
    "time": lambda now: f"{now:%H:%M}",
    "date": lambda now: f"{_MONTHS[now.month - 1]} {now.day}, {now.year}",
    "weekday": lambda now: _WEEKDAYS[now.weekday()],
}
"""Own words for days and months: strftime speaks whatever language Qt has set the process to."""
