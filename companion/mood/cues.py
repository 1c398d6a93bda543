"""Signs that say a mood outright: emoji, emoticons, and *actions in asterisks*.

Reddit's comments hardly have them (😊 stands in 20 of 43,410 training examples, “*chuckles*” in none), and a character's
replies are full of them, so these few are told by a table. They count only where the network sees nothing but neutral.
"""

from __future__ import annotations

import re
from typing import Final

from companion.mood.features import MAX_CHARACTERS, words

_SIGNS: Final = {
    "amusement": ("😂", "🤣", "😆", "😹", "😜", "😝", "😛", "😉", "😏", "<laugh>", "<wink>", "<tongue>"),
    "joy": ("😊", "😀", "😃", "😄", "😁", "🙂", "☺", "😺", "🌸", "<smile>"),
    "love": ("❤", "♥", "💕", "💖", "💗", "💓", "💞", "💜", "💙", "💛", "💚", "😍", "🥰", "😘", "😻", "<heart>"),
    "excitement": ("🎉", "🥳", "🤩", "✨", "🙌"),
    "sadness": ("😢", "😭", "😞", "😔", "☹", "🙁", "😿", "💔", "<frown>"),
    "anger": ("😡", "😠", "🤬"),
    "annoyance": ("🙄", "😒", "😤"),
    "fear": ("😱", "😨", "😰"),
    "surprise": ("😮", "😲", "😯", "<gasp>"),
    "embarrassment": ("😳",),
    "nervousness": ("😅", "😬"),
    "confusion": ("😕", "🤷", "<doubt>"),
    "curiosity": ("🤔", "🧐"),
    "disgust": ("🤢", "🤮"),
    "caring": ("🤗",),
    "gratitude": ("🙏",),
    "admiration": ("👏",),
    "approval": ("👍",),
    "relief": ("😌",),
}
_ACTIONS: Final = {
    "amusement": "giggl laugh chuckl snicker smirk wink teas",
    "joy": "smil grin beam hum",
    "love": "kiss cuddl snuggl nuzzl hug embrac",
    "caring": "pat comfort strok tuck",
    "excitement": "cheer bounc clap jump squeal twirl",
    "sadness": "cry cries cried sob weep wept sniff tear",
    "disappointment": "sigh slump",
    "anger": "growl glar fum stomp snarl",
    "annoyance": "frown scowl pout huff groan",
    "fear": "trembl shiver flinch cower shudder",
    "nervousness": "fidget gulp stammer",
    "embarrassment": "blush flush",
    "surprise": "gasp blink startl",
    "curiosity": "tilt peek",
    "gratitude": "bow",
}
_LABEL_OF_SIGN: Final = {sign: label for label, signs in _SIGNS.items() for sign in signs}
_LABEL_OF_ACTION: Final = {stem: label for label, stems in _ACTIONS.items() for stem in stems.split()}
_ACTION: Final = re.compile(rf"\b({'|'.join(sorted(_LABEL_OF_ACTION, key=len, reverse=True))})(?:e?s|e|ed|ing|y)?\b")
_ASTERISKS: Final = re.compile(r"\*([^*\n]{1,200})\*")


def cue(text: str) -> str | None:
    """The label that a sign in the text stands for: the last emoji or emoticon, else the first action; None without any."""
    for word in reversed(words(text)):
        if (label := _LABEL_OF_SIGN.get(word)) is not None:
            return label
    for action in _ASTERISKS.finditer(text[:MAX_CHARACTERS].lower()):
        if (found := _ACTION.search(action[1])) is not None:
            return _LABEL_OF_ACTION[found[1]]
    return None
