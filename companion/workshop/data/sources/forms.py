"""One JSON object as a dialogue: OpenAI `messages`, ShareGPT, Alpaca, prompt and response, preference pairs, plain text.

Every object is recognised by its own keys, so a file may mix forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from companion.core.dataset import Dialogue, DialogueTurn
from companion.workshop.data.sources.found import DOCUMENT, MAX_TURNS, BrokenDialogue, label_of, labels_of, text_of

Role = Literal["system", "user", "assistant"]
ROLES: Final[Mapping[str, Role]] = {
    **dict.fromkeys(("system", "developer", "context"), "system"),
    **dict.fromkeys(("user", "human", "prompter", "person", "you", "question"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "bot", "model", "ai", "char", "character", "chatgpt", "answer", "response"), "assistant"
    ),
}
"""What other programs call the three roles, in small letters."""
_LISTS: Final = ("messages", "conversations", "conversation", "dialogue", "turns")
PROMPTS: Final = ("instruction", "prompt", "question", "query", "user", "human", "input")
RESPONSES: Final = ("output", "response", "completion", "answer", "reply", "assistant", "chosen", "bot")
SYSTEMS: Final = ("system", "system_prompt", "persona")
TEXTS: Final = ("text", "content", "document")
_WORSE: Final = ("rejected",)


def form_of(value: Any) -> str:
    """Name of the form of one JSON value, empty when it is none we know."""
    if not isinstance(value, dict):
        return ""
    if isinstance(turns := _turn_list(value), list):
        first = turns[0] if turns else {}
        return "sharegpt" if isinstance(first, dict) and "from" in first else "openai"
    keys = {str(key).lower() for key in value}
    if "instruction" in keys and "output" in keys:
        return "alpaca"
    if not keys.isdisjoint(PROMPTS) and not keys.isdisjoint(RESPONSES):
        return "pairs"
    return "text" if not keys.isdisjoint(TEXTS) else ""


def dialogue_of(value: Any, place: str) -> Dialogue:
    """Raises BrokenDialogue, which names the place, when the value is no dialogue."""
    form = form_of(value)
    if not form:
        kind = "is no JSON object" if not isinstance(value, dict) else f"has none of the keys of a dialogue{_keys(value)}"
        raise BrokenDialogue(place, kind, "Each dialogue is an object with “messages”, “conversations”, or a prompt and a reply.")
    if form in ("openai", "sharegpt"):
        return _from_turns(value, place)
    fields = {str(key).lower(): content for key, content in value.items()}
    if form == "text":
        key = next(key for key in TEXTS if key in fields)
        return document(text_of(fields[key], place, f"“{key}”"), labels_of(value, {key, "id"}), _id(value))
    return _from_pair(fields, place)


def document(text: str, labels: dict[str, str] | None = None, identifier: str = "") -> Dialogue:
    """Plain text to pretrain on."""
    marked = {**(labels or {}), DOCUMENT: "yes"}
    return Dialogue(messages=(DialogueTurn("assistant", text),), id=identifier, labels=marked)


def role_of(value: Any, place: str, what: str) -> Role:
    role = ROLES.get(value.strip().lower()) if isinstance(value, str) else None
    if role is None:
        shown = f"the role “{value}”" if isinstance(value, str) else "no role"
        raise BrokenDialogue(place, f"has {shown[:60]} in {what}; the roles are system, user and assistant")
    return role


def _from_turns(value: dict[str, Any], place: str) -> Dialogue:
    turns = _turn_list(value) or []
    if not turns:
        raise BrokenDialogue(place, "is a dialogue without messages")
    if len(turns) > MAX_TURNS:
        raise BrokenDialogue(place, f"has more than {MAX_TURNS:,} messages", "Split it into several dialogues.")
    messages = tuple(_turn(turn, place, f"message {number}") for number, turn in enumerate(turns, 1))
    system = next((value[key] for key in SYSTEMS if isinstance(value.get(key), str) and value[key].strip()), None)
    if system is not None and messages[0].role != "system":
        messages = (DialogueTurn("system", text_of(system, place, "the system message")), *messages)
    worse = value.get("rejected")
    rejected = tuple(text for text in worse if isinstance(text, str)) if isinstance(worse, list) else ()
    return Dialogue(messages=messages, id=_id(value), labels=labels_of(value, {*SYSTEMS, "id", "rejected"}), rejected=rejected)


def _turn(turn: Any, place: str, what: str) -> DialogueTurn:
    if not isinstance(turn, dict):
        raise BrokenDialogue(place, f"has no object in {what}")
    role = role_of(turn.get("role", turn.get("from")), place, what)
    content = turn.get("content", turn.get("value", turn.get("text")))
    learned = turn.get("train", turn.get("weight", True))
    if learned not in (True, False, 0, 1):
        raise BrokenDialogue(place, f"says neither true nor false for “train” in {what}")
    return DialogueTurn(role, text_of(content, place, what), bool(learned))


def _from_pair(fields: dict[str, Any], place: str) -> Dialogue:
    asked = next(key for key in PROMPTS if key in fields)
    answered = next(key for key in RESPONSES if key in fields)
    prompt = text_of(fields[asked], place, f"“{asked}”")
    extra = fields.get("input")
    if asked == "instruction" and isinstance(extra, str) and extra.strip():
        prompt = f"{prompt}\n\n{text_of(extra, place, '“input”')}"  # as the Alpaca authors join them
    messages = [DialogueTurn("user", prompt), DialogueTurn("assistant", text_of(fields[answered], place, f"“{answered}”"))]
    system = next((fields[key] for key in SYSTEMS if isinstance(fields.get(key), str) and fields[key].strip()), None)
    if system is not None:
        messages.insert(0, DialogueTurn("system", text_of(system, place, "the system message")))
    worse = tuple(text_of(fields[key], place, f"“{key}”") for key in _WORSE if isinstance(fields.get(key), str))
    used = {*SYSTEMS, *_WORSE, asked, answered, "input", "id"}
    return Dialogue(messages=tuple(messages), id=_id(fields), labels=labels_of(fields, used), rejected=worse)


def _turn_list(value: dict[str, Any]) -> list[Any] | None:
    return next((value[key] for key in _LISTS if isinstance(value.get(key), list)), None)


def _id(value: dict[str, Any]) -> str:
    return label_of(value.get("id")) or ""


def _keys(value: dict[str, Any]) -> str:
    names = ", ".join(f"“{str(key)[:20]}”" for key in list(value)[:4])
    return f" (it has {names})" if names else " (it is empty)"
