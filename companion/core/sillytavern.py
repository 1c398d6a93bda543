"""SillyTavern's chat log: JSON lines, a header and then one line per message of the active path, alternates as `swipes`.

Feedback, edits and what else that format has no field for travel in `extra`, which SillyTavern keeps. Messages it marks
`is_system` are taken over when the person or the character said them (there the mark only hides them from the prompt);
notes, narration and help texts are left out, since nobody in our conversations could have said them.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

import msgspec

from companion.core.conversation import Conversation, Message, PathMessage, Status, title_from
from companion.core.conversation_lines import LATEST_TIME, MAX_MESSAGES, BadLineError, ConversationTree, json_object
from companion.core.moods import LABELS

_HEADER_KEYS = frozenset({"user_name", "character_name", "create_date", "chat_metadata", "mes"})
_STATUSES = frozenset(get_args(Status)) - {"streaming"}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ENGLISH = re.compile(r"([a-z]{3})[a-z]* (\d{1,2}), (\d{4}) (\d{1,2}):(\d{2})(?::(\d{2}))? ?([ap]m)?", re.ASCII | re.IGNORECASE)
_DASHED = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) ?@ ?(\d{1,2})h ?(\d{1,2})m ?(\d{1,2})s(?: ?(\d{1,3})ms)?", re.ASCII)


def begins(header: dict[str, Any]) -> bool:
    """Whether this can be the first line of such a file; very old ones have no header and begin with a message."""
    return not _HEADER_KEYS.isdisjoint(header)


def write(conversation: Conversation, path: Sequence[PathMessage], messages: Sequence[Message], person: str) -> Iterator[bytes]:
    """One line of JSON after the other, without line ends."""
    alternates: defaultdict[tuple[int | None, str], list[Message]] = defaultdict(list)
    for message in messages:
        alternates[message.parent, message.role].append(message)
    yield msgspec.json.encode(
        {
            "user_name": person,
            "character_name": conversation.character_name,
            "create_date": _iso(conversation.created),
            "chat_metadata": {
                "title": conversation.title,
                "titled_by_person": conversation.titled_by_person,
                **({"note_prompt": conversation.note, "note_depth": conversation.note_depth} if conversation.note else {}),
            },
        }
    )
    for step in path:
        message = step.message
        line: dict[str, Any] = {
            "name": person if message.role == "user" else conversation.character_name,
            "is_user": message.role == "user",
            "is_system": False,
            "send_date": _iso(message.created),
            "mes": message.text,
            "extra": _extra(message),
        }
        swipes = alternates[message.parent, message.role]
        if len(swipes) > 1:
            line["swipes"] = [swipe.text for swipe in swipes]
            line["swipe_id"] = [swipe.id for swipe in swipes].index(message.id)
            line["swipe_info"] = [{"send_date": _iso(swipe.created), "extra": _extra(swipe)} for swipe in swipes]
        yield msgspec.json.encode(line)


def _extra(message: Message) -> dict[str, Any]:
    status = "interrupted" if message.status == "streaming" else message.status
    values = {
        "model": message.model,
        "token_count": message.tokens,
        "tokens_per_second": message.tokens_per_second,
        "feedback": message.feedback,
        "edited": message.edited,
        "mood": message.mood,
        "ending": message.ending,
        "status": "" if status == "complete" else status,
    }
    return {name: value for name, value in values.items() if value}


def read(number: int, header: dict[str, Any], lines: Iterator[tuple[int, bytes]], fallback_title: str) -> ConversationTree:
    """Raises BadLineError. A date nobody can read becomes now; the order of the lines is kept in any case."""
    now = time.time()
    messages: list[Message] = []
    active: int | None = None
    speakers = {_text(header, "user_name"), _text(header, "character_name")} - {""}
    first = [(number, header)] if "mes" in header else []
    names: list[str] = []
    for at, line in _objects(first, lines):
        text = line.get("mes")
        if not isinstance(text, str):
            raise BadLineError(at, "has no message in it")
        if line.get("is_system") and not _was_said(line, speakers):
            continue
        if not line.get("is_user"):
            names.append(_text(line, "name"))
        alternates, chosen = _alternates(line, text, active, len(messages), now)
        if len(messages) + len(alternates) > MAX_MESSAGES:
            raise BadLineError(at, f"is past the {MAX_MESSAGES:,} messages a conversation can have")
        messages += alternates
        active = alternates[chosen].id
    created = _time(header.get("create_date"))
    conversation = Conversation(
        id=0,
        title=_title(header, messages, fallback_title),
        titled_by_person=_metadata(header).get("titled_by_person") is True,
        character="",
        character_name=_text(header, "character_name") or (names[0] if names else ""),
        created=created if created is not None else min((m.created for m in messages), default=now),
        updated=max((m.created for m in messages), default=now),
        active=active,
        note=_text(_metadata(header), "note_prompt"),
        note_depth=int(_number(_metadata(header), "note_depth", 0, 1000)) if "note_depth" in _metadata(header) else 4,
    )
    return ConversationTree(conversation, tuple(messages))


def _objects(first: list[tuple[int, dict[str, Any]]], lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, dict[str, Any]]]:
    yield from first
    for number, line in lines:
        yield number, json_object(number, line)


def _was_said(line: dict[str, Any], speakers: set[str]) -> bool:
    kind = _dict(line, "extra").get("type")
    return not kind and (bool(line.get("is_user")) or _text(line, "name") in speakers)


def _alternates(line: dict[str, Any], text: str, parent: int | None, count: int, now: float) -> tuple[list[Message], int]:
    """The swipes of one line as messages, and which of them is shown: `mes` is what SillyTavern shows, whatever
    `swipes` says."""
    swipes, chosen, information = line.get("swipes"), line.get("swipe_id"), line.get("swipe_info")
    texts = [swipe if isinstance(swipe, str) else "" for swipe in swipes] if isinstance(swipes, list) else []
    if not isinstance(chosen, int) or not 0 <= chosen < len(texts):
        chosen = texts.index(text) if text in texts else len(texts)
        texts += [text] if chosen == len(texts) else []
    texts[chosen] = text
    sent = _time(line.get("send_date"))
    alternates = []
    for position, swipe in enumerate(texts):
        own = information[position] if isinstance(information, list) and position < len(information) else None
        details = line if position == chosen or not isinstance(own, dict) else own
        created = _time(details.get("send_date"))
        created = created if created is not None else sent
        alternates.append(
            Message(
                id=count + position + 1,
                conversation=0,
                parent=parent,
                role="user" if line.get("is_user") else "assistant",
                text=swipe,
                created=created if created is not None else now,
                **_from_extra(_dict(details, "extra") if position == chosen or details is own else {}),
            )
        )
    return alternates, chosen


def _from_extra(extra: dict[str, Any]) -> dict[str, Any]:
    status = extra.get("status")
    return {
        "model": _text(extra, "model"),
        "tokens": int(_number(extra, "token_count", 0, 2**53)),
        "tokens_per_second": float(_number(extra, "tokens_per_second", 0, 1e9)),
        "feedback": int(_number(extra, "feedback", -1, 1)),
        "edited": extra.get("edited") is True,
        "mood": mood if (mood := _text(extra, "mood")) in LABELS else "",
        "ending": _text(extra, "ending")[:40],
        "status": status if isinstance(status, str) and status in _STATUSES else "complete",
    }


def _number(fields: dict[str, Any], key: str, low: float, high: float) -> float:
    value = fields.get(key)
    return value if isinstance(value, int | float) and low <= value <= high else 0


def _title(header: dict[str, Any], messages: Sequence[Message], fallback: str) -> str:
    title = _metadata(header).get("title")
    if isinstance(title, str):
        return title
    return next((title_from(m.text) for m in messages if m.role == "user" and m.text.strip()), fallback)


def _metadata(header: dict[str, Any]) -> dict[str, Any]:
    return _dict(header, "chat_metadata")


def _dict(fields: dict[str, Any], key: str) -> dict[str, Any]:
    value = fields.get(key)
    return value if isinstance(value, dict) else {}


def _text(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""


def _iso(seconds: float) -> str:
    milliseconds = round(1000 * min(max(seconds, 0.0), LATEST_TIME))
    return (datetime(1970, 1, 1) + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds") + "Z"


def _time(value: object) -> float | None:
    """Seconds since the epoch from any form SillyTavern has used; None when it is none of them.

    Written without strptime, which reads month names in the language of the desktop.
    """
    if isinstance(value, str):
        text = value.strip()
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            return _moment(text)
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1000 * LATEST_TIME:
        return None
    return value / 1000 if value > 1e11 else float(value)  # milliseconds since 1973, or seconds until 5138


def _moment(text: str) -> float | None:
    """Dates without a time zone are local."""
    try:
        if found := _ENGLISH.fullmatch(text):
            month, day, year, hour, minute, second, half = found.groups()
            hour = int(hour) % 12 + 12 * (half.lower() == "pm") if half else int(hour)
            moment = datetime(int(year), _MONTHS.index(month.lower()) + 1, int(day), hour, int(minute), int(second or 0))
        elif found := _DASHED.fullmatch(text):
            at = [int(part or 0) for part in found.groups()]
            moment = datetime(at[0], at[1], at[2], at[3], at[4], at[5], at[6] * 1000)
        else:
            moment = datetime.fromisoformat(text)
        seconds = moment.timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return seconds if 0 <= seconds <= LATEST_TIME else None
