"""Words that fall out of a character: a model that speaks of being an AI model, or like the assistant it was trained as.

A character may well say that she is a program: that is honest and no break. What counts is the stock speech of assistants.
"""

from __future__ import annotations

import re
from typing import Final

_KIND: Final = (
    r"(?:(?:an?|the|your|just an?|only an?|simply an?|merely an?) )?(?:(?:large|text-based|artificial|generative|new|helpful|"
    r"friendly|virtual|digital|computer|personal|conversational) )*"
)
_MODEL: Final = (
    r"(?:(?:ai|artificial intelligence)(?: (?:language model|model|assistant|chatbot|chat bot|system))?"
    r"|language model|llm|(?:virtual|digital|ai) assistant)"
)
_PATTERNS: Final = (
    # what it is
    rf"\bas {_KIND}{_MODEL}\b(?=[,.;:!]| i\b| my\b| and\b| who\b| that\b| developed\b| created\b| trained\b|$)",
    rf"\b(?:i'm|i am|i was|being) {_KIND}(?:ai )?(?:language model|llm|(?:virtual|digital|ai) assistant|ai model)\b",
    rf"\b(?:i'm|i am) {_KIND}(?:ai|artificial intelligence)\b(?! (?:researcher|engineer|student|sceptic|skeptic|fan|artist))",
    r"\b(?:i'm|i am|i was|been) (?:\w+ ){0,3}(?:trained|developed|created|made|built|designed) by "
    r"(?:openai|open ai|hugging ?face|google|anthropic|meta|microsoft|alibaba|mistral)\b",
    r"\b(?:i'm|i am|my name is) (?:smollm|chatgpt|gpt|qwen|llama|gemma|phi|claude|bard|gemini)\b",
    r"\bmy (?:training data|knowledge cut-?off|last (?:training|knowledge) update|programming (?:does|doesn't|prevents))\b",
    r"\bi (?:do not|don't|cannot|can't) (?:actually |really |truly )?(?:have|possess|experience|feel)(?: any)? "
    r"(?:personal |human |real |subjective )+(?:feelings|emotions|experiences|opinions|beliefs|preferences|consciousness)\b",
    # how an assistant greets, offers and takes its leave
    r"\bhow (?:can|may|could) i (?:assist|be of (?:assistance|service to) ) ?you\b",
    r"\bhow (?:can|may|could) i (?:assist|help)(?: you)?(?: (?:today|with that|further|you today))\b",
    r"\b(?:i'm|i am) here to (?:assist\b|help you with|provide (?:you )?(?:with )?(?:information|support|assistance)|"
    r"answer (?:any|your)|help (?:and|or) (?:answer|assist))",
    r"\b(?:assist|help) you (?:with (?:any|your|that|this)|today|further|better|in any way|to the best of my)\b",
    r"\b(?:happy|glad|pleased|able|ready) to assist\b",
    r"\b(?:anything|something) else (?:that )?(?:i can|you(?:'d| would) like (?:me )?to|you need) "
    r"(?:help|assist|assistance|know|ask|discuss)",
    r"\b(?:feel free|don't hesitate|do not hesitate|please let me know if you (?:have|need)) (?:to )?"
    r"(?:ask|reach out|contact|let me know|any (?:other |more |further )?questions|further|share (?:any|more|your)|provide)\b",
    r"\bif you have any (?:other |more |further |specific )*(?:questions|concerns|requests)\b",
    r"\bi hope this (?:information )?(?:helps|was helpful)\b",
    r"\byour (?:request|query|inquiry|prompt)\b",
    r"\b(?:certainly|of course|sure)[!,.] here(?:'s| is| are) (?:an?|some|the|your|my|\d+)(?: \w+){0,2} "
    r"(?:list|tips|steps|examples?|suggestions?|summary|ways|ideas?|answers?|response|explanation|story|poem|recipe|code)\b",
)
_ANY: Final = re.compile("|".join(f"(?:{pattern})" for pattern in _PATTERNS), re.IGNORECASE)
_APOSTROPHES: Final = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'"})


def character_break(text: str) -> str:
    """The first words that fall out of character, as they stand in `text`; empty when there are none. English only."""
    found = _ANY.search(text.translate(_APOSTROPHES))
    return text[found.start() : found.end()] if found else ""
