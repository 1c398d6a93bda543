"""The chat template that comes with the model, rendered in Jinja's sandbox. The one prompt of chat and training.

A rendered prompt remembers which stretches were typed by somebody. Only text outside of them, written by the template,
can become a control token, so nobody can smuggle `<|im_start|>` into the structure (see `prompt.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from companion.core.messages import Turn

if TYPE_CHECKING:
    from companion.llama.model import Model

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PLAIN_DIALOGUE = (
    "{% for message in messages %}{% if message.role == 'system' %}{{ message.content }}\n\n"
    "{% elif message.role == 'user' %}### User:\n{{ message.content }}\n\n"
    "{% else %}### Assistant:\n{{ message.content }}{{ eos_token }}\n\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}### Assistant:\n{% endif %}"
)
PLAIN_STOPS = ("### User:", "### Assistant:")
"""A model without a chat template has no token that ends a turn; the fallback's own headings do it."""

MAX_TEMPLATE_CHARACTERS = 200_000
_GENERATION_TAG = re.compile(r"{%-?\s*(?:end)?generation\s*-?%}")
"""Marks the assistant's words for trainers that need it; Jinja itself does not know the tag."""
_OPENING = "…"
"""Stands where a template insists on a turn by the user: before the greeting, or when nobody has said anything."""


class TemplateError(Exception):
    """The template cannot render these turns, or lost the marks that keep typed text apart."""


class Typed(NamedTuple):
    """A stretch of a rendered prompt, in characters, that somebody typed or a model wrote."""

    start: int
    end: int
    role: str


class Rendered(NamedTuple):
    """A prompt as text, and its typed stretches in order; the rest was written by the template."""

    text: str
    typed: tuple[Typed, ...]


class ChatTemplate:
    """`name` says which template is used: the model's own, or a named fallback."""

    def __init__(self, source: str, *, bos: str = "", eos: str = "", has_chatml_tokens: bool = False) -> None:
        self.is_fallback = True
        self.stops: tuple[str, ...] = ()
        self._constants = {"bos_token": bos, "eos_token": eos}
        if source and len(source) <= MAX_TEMPLATE_CHARACTERS and self._adopt(source):
            self.name, self.is_fallback = "the model's own", False
        elif has_chatml_tokens:
            self.name = "ChatML"
            self._adopt(CHATML)
        else:
            self.name, self.stops = "Plain dialogue", PLAIN_STOPS
            self._adopt(PLAIN_DIALOGUE)

    def _adopt(self, source: str) -> bool:
        """Compile `source` and see by rendering how it treats turns; False when it cannot render a plain exchange."""
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
        environment.globals["raise_exception"] = _raise
        environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
        source = _GENERATION_TAG.sub("", source)
        try:
            self._template = environment.from_string(source)
            self._takes_system = self._takes_later_system = True
            self._trims = False
            exchange = (Turn("user", "\u2603a"), Turn("assistant", "\u2603b"), Turn("user", "\u2603c"))
            if any(turn.text not in self._render_text(exchange) for turn in exchange):
                return False
            self._takes_system = self._keeps_order((Turn("system", "\u2603s"), *exchange))
            self._takes_later_system = self._takes_system and self._tells_later_system_apart()
            self._trims = " \u2603c " not in self._render_text((Turn("user", " \u2603c "),))
        except (TemplateError, jinja2.TemplateError, RecursionError, MemoryError):
            return False
        return True

    def _keeps_order(self, turns: Sequence[Turn]) -> bool:
        """Whether it writes every turn where it stands: some refuse or lose the system's, or put it into the last message."""
        try:
            return len(self._render_marked(turns, continue_last=False).typed) == len(turns)
        except TemplateError:
            return False

    def _tells_later_system_apart(self) -> bool:
        """Whether a system turn in the middle is neither refused, nor lost or moved, nor written like her own words."""
        begun = (Turn("system", "\u2603s"), Turn("user", "\u2603a"), Turn("assistant", "\u2603b"))
        later, last = Turn("system", "\u2603n"), Turn("user", "\u2603c")
        if not (self._keeps_order((*begun, later, last)) and self._keeps_order((*begun, last, later))):
            return False
        try:
            as_hers = self._render_text((*begun, Turn("assistant", later.text), last))
        except TemplateError:
            return True
        return as_hers != self._render_text((*begun, later, last))

    def _render_text(self, turns: Sequence[Turn], *, for_reply: bool = True) -> str:
        messages = [{"role": turn.role, "content": turn.text} for turn in turns]
        constants: dict[str, Any] = {**self._constants, "enable_thinking": False, "tools": None}
        try:
            return self._template.render(messages=messages, add_generation_prompt=for_reply, **constants)
        except (jinja2.TemplateError, TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError) as error:
            raise TemplateError(str(error)) from error

    def render(self, turns: Sequence[Turn], *, continue_last: bool = False, closed: bool = False) -> Rendered:
        """The prompt for the next reply; with `continue_last` it ends where the last turn's text ends; with `closed` the
        last turn is ended as well and no reply is begun, which is what a finished dialogue looks like.

        Raises TemplateError when the template refuses the turns in every form we know.
        """
        faults = []
        prepared = self._prepare(turns)
        for form in (prepared, _alternating(prepared)):
            try:
                return self._render_marked(form, continue_last=continue_last, closed=closed)
            except TemplateError as error:
                faults.append(error)
        raise faults[-1]

    def _render_marked(self, turns: Sequence[Turn], *, continue_last: bool, closed: bool = False) -> Rendered:
        opening, closing = _unused_characters(turns)
        marked = [Turn(turn.role, f"{opening}{turn.text}{closing}") for turn in turns]
        text = self._render_text(marked, for_reply=not (continue_last or closed))
        head, *parts = text.split(opening)
        if closing in head or not parts:
            raise TemplateError("the template lost a message")
        pieces, length, order = [head], len(head), 0
        typed: list[Typed] = []
        wanted = [turn.text for turn in turns]
        for part in parts:
            inside, mark, after = part.partition(closing)
            if not mark or closing in after or inside not in wanted[order:]:
                raise TemplateError("the template cut, changed or repeated a message")
            order = wanted.index(inside, order) + 1
            typed.append(Typed(length, length + len(inside), turns[order - 1].role))
            pieces += [inside, after]
            length += len(inside) + len(after)
        if order != len(turns):
            raise TemplateError("the template left out the last message")
        whole = "".join(pieces)
        return Rendered(whole[: typed[-1].end] if continue_last else whole, tuple(typed))

    def _prepare(self, turns: Sequence[Turn]) -> list[Turn]:
        """Put the system's texts where this template takes them, and trim what it would trim."""
        prepared = [Turn(turn.role, _without_reasoning(turn)) for turn in turns]
        if not self._takes_later_system:
            prepared = _system_in_user_turns(prepared, keep_first=self._takes_system)
        if self._trims:
            prepared = [Turn(turn.role, turn.text.strip()) for turn in prepared]
        return prepared


def template_of(model: Model) -> ChatTemplate:
    """The template of a loaded model, or the fallback that suits its vocabulary."""
    vocabulary = model.vocabulary
    bos, eos = (vocabulary.text(token) if token >= 0 else "" for token in (vocabulary.bos, vocabulary.eos))
    return ChatTemplate(model.chat_template, bos=bos, eos=eos, has_chatml_tokens="<|im_start|>" in vocabulary.control_tokens)


def _raise(message: str) -> None:
    raise jinja2.TemplateError(message)


def _without_reasoning(turn: Turn) -> str:
    """Earlier thoughts are not shown to the model again; templates of reasoning models cut them the same way."""
    if turn.role == "assistant" and "</think>" in turn.text:
        return turn.text.rsplit("</think>", 1)[1].lstrip("\n")
    return turn.text


def _system_in_user_turns(turns: Sequence[Turn], *, keep_first: bool) -> list[Turn]:
    """The same turns for templates without a role for the system, or (`keep_first`) with one at the beginning only.

    What the system says comes before the words of the user that follow it, else after those before it.
    """
    result: list[Turn] = []
    waiting: list[str] = []
    for turn in turns:
        if turn.role == "system":
            waiting.append(turn.text)
            continue
        if waiting and turn.role == "user" and (result or not keep_first):
            result.append(Turn("user", "\n\n".join((*waiting, turn.text))))
        else:
            _say(result, waiting, keep_first=keep_first)
            result.append(turn)
        waiting = []
    _say(result, waiting, keep_first=keep_first)
    return result


def _say(result: list[Turn], waiting: Sequence[str], *, keep_first: bool) -> None:
    """Put what the system says where no words of the user follow."""
    if not waiting:
        return
    text = "\n\n".join(waiting)
    if keep_first and not result:
        result.append(Turn("system", text))
    elif result and result[-1].role == "user":
        result[-1] = Turn("user", f"{result[-1].text}\n\n{text}")
    else:
        result.append(Turn("user", text))


def _alternating(turns: Sequence[Turn]) -> list[Turn]:
    """The same turns for templates that insist on user and assistant taking turns, user first."""
    result: list[Turn] = []
    for turn in turns:
        if result and result[-1].role == turn.role:
            result[-1] = Turn(turn.role, f"{result[-1].text}\n\n{turn.text}", turn.id)
            continue
        if turn.role == "assistant" and (not result or result[-1].role == "system"):
            result.append(Turn("user", _OPENING))
        result.append(turn)
    if result and result[-1].role == "system":
        result.append(Turn("user", _OPENING))
    return result


def _unused_characters(turns: Sequence[Turn]) -> tuple[str, str]:
    """Two private-use characters that no turn contains."""
    used = set().union(*(turn.text for turn in turns))
    free = (chr(code) for code in range(0x10F000, 0x10FFFE) if chr(code) not in used)
    return next(free), next(free)
