"""One JSON object as a dialogue: OpenAI `messages`, ShareGPT, Alpaca, prompt and response, preference pairs, plain text.

Every object is recognised by its own keys, so a file may mix forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from companion.core.dataset import DOCUMENT, THUMB, Dialogue, DialogueTurn
from companion.workshop.data.sources.found import MAX_TURNS, BrokenDialogue, label_of, labels_of, text_of

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
_SIDES: Final = ("chosen", "rejected")


def form_of(value: Any) -> str:
    """Name of the form of one JSON value, empty when it is none we know."""
    if not isinstance(value, dict):
        return ""
    if _judges(value):
        return "preferences"
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
    if form == "preferences":
        return _from_preference(value, place)
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


def _judges(value: dict[str, Any]) -> bool:
    """Whether it says which reply to a talk is better, or how good one is: “chosen” and “rejected”, as text or as turns."""
    found = [value[side] for side in _SIDES if side in value]
    if any(isinstance(side, list) and side and isinstance(side[0], dict) for side in found):
        return True
    return _turn_list(value) is not None and any(isinstance(side, str) for side in found)


def _from_preference(value: dict[str, Any], place: str) -> Dialogue:
    """Turns, then the better reply, with the worse one beside it; a side that stands alone is a thumb."""
    before = _turn_list(value) or (value["prompt"] if isinstance(value.get("prompt"), list) else [])
    if not before and isinstance(prompt := value.get("prompt"), str):
        before = [{"role": "user", "content": prompt}]
    sides = {side: _side(value[side], place, side) for side in _SIDES if value.get(side)}
    replies = {side: turns[-1].content for side, turns in sides.items()}
    if not replies:
        raise BrokenDialogue(place, "has neither “chosen” nor “rejected”")
    inside = [turns[:-1] for turns in sides.values()]
    if any(turns != inside[0] for turns in inside):
        raise BrokenDialogue(place, "has two replies to different talks", "Both must answer the same words.")
    fields = {**value, "messages": before} if before else None
    talk = _from_turns(fields, place).messages if fields is not None else ()
    messages = tuple(DialogueTurn(turn.role, turn.content, train=False) for turn in (*talk, *inside[0]))
    if not any(turn.role == "user" for turn in messages):
        raise BrokenDialogue(place, "says nothing before the reply")
    labels = labels_of(value, {*SYSTEMS, *_SIDES, *_LISTS, "prompt", "id"})
    if len(replies) == 1:
        labels[THUMB] = "up" if "chosen" in replies else "down"
    reply = DialogueTurn("assistant", replies.get("chosen", replies.get("rejected", "")), train="chosen" in replies)
    worse = (replies["rejected"],) if len(replies) == 2 else ()
    return Dialogue(messages=(*messages, reply), id=_id(value), labels=labels, rejected=worse)


def _side(value: Any, place: str, side: str) -> tuple[DialogueTurn, ...]:
    """One of both replies, with the talk before it when it is written as turns."""
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return (DialogueTurn("assistant", text_of(value, place, f"“{side}”")),)
    turns = tuple(_turn(turn, place, f"message {number} of “{side}”") for number, turn in enumerate(value[:MAX_TURNS], 1))
    if turns[-1].role != "assistant":
        raise BrokenDialogue(place, f"has no reply at the end of “{side}”")
    return turns


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
    labels = labels_of(fields, used)
    if isinstance(good := fields.get("label"), bool):  # TRL's form of a reply that was judged by itself
        messages[-1] = DialogueTurn("assistant", messages[-1].content, train=good)
        labels = {**labels, THUMB: "up" if good else "down"}
    return Dialogue(messages=tuple(messages), id=_id(fields), labels=labels, rejected=worse)


def _turn_list(value: dict[str, Any]) -> list[Any] | None:
    return next((value[key] for key in _LISTS if isinstance(value.get(key), list)), None)


def _id(value: dict[str, Any]) -> str:
    return label_of(value.get("id")) or ""


def _keys(value: dict[str, Any]) -> str:
    names = ", ".join(f"“{str(key)[:20]}”" for key in list(value)[:4])
    return f" (it has {names})" if names else " (it is empty)"
