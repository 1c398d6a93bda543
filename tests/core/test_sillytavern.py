"""Chat logs of SillyTavern, as its many versions wrote them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from companion.core.conversation import Message
from companion.core.conversation_files import import_conversation
from companion.core.errors import ConversationFileError
from companion.core.storage.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "companion.sqlite3")
    yield opened
    opened.close()


def write(folder: Path, *lines: object, name: str = "file.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


def refusal(store: Store, path: Path) -> str:
    """The sentence of the refusal; nothing may have been imported."""
    before = [c.id for c in store.conversations()]
    with pytest.raises(ConversationFileError) as error:
        import_conversation(store, path)
    assert [c.id for c in store.conversations()] == before
    return str(error.value)


def test_a_file_of_sillytavern_itself(store: Store, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"user_name": "Ana", "character_name": "Mira", "create_date": "2023-6-19 @14h 20m 10s 100ms", "chat_metadata": {}},
        {"name": "Mira", "is_user": False, "is_system": False, "send_date": "June 19, 2023 2:20pm", "mes": "Hi {{user}}"},
        {"name": "Ana", "is_user": True, "is_system": False, "send_date": 1687184460000, "mes": "Who are you? Tell me."},
        {
            "name": "Mira",
            "is_user": False,
            "send_date": "2023-06-19T14:22:00.000Z",
            "mes": "I am Mira, edited",
            "swipes": ["Me?", "I am Mira", None],
            "swipe_id": 1,
            "swipe_info": [{"send_date": "2023-06-19T14:21:30.000Z", "extra": {"model": "tiny"}}],
            "extra": {"api": "x", "model": "big", "token_count": 4, "feedback": 9},
        },
    )
    conversation = import_conversation(store, path)
    assert (conversation.title, conversation.character_name) == ("Who are you?", "Mira")
    steps = store.path(conversation.id)
    assert [(s.message.role, s.message.text, s.alternate, s.alternates) for s in steps] == [
        ("assistant", "Hi {{user}}", 1, 1),
        ("user", "Who are you? Tell me.", 1, 1),
        ("assistant", "I am Mira, edited", 2, 3),
    ]
    assert [(text, model) for text, model, *_ in alternates(store, steps[2].message)] == [
        ("Me?", "tiny"),
        ("I am Mira, edited", "big"),
        ("", ""),
    ]
    assert steps[0].message.created == datetime(2023, 6, 19, 14, 20).timestamp()
    assert steps[1].message.created == 1687184460
    assert steps[2].message.created == datetime(2023, 6, 19, 14, 22, tzinfo=UTC).timestamp()
    assert steps[2].message.tokens == 4
    assert conversation.created == datetime(2023, 6, 19, 14, 20, 10, 100_000).timestamp()


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (1687184460000, 1687184460.0),
        ("1687184460000", 1687184460.0),
        (1687184460, 1687184460.0),
        ("2023-06-19T14:21:00Z", 1687184460.0),
        ("2023-06-19T14:21:00.500+00:00", 1687184460.5),
        ("June 19, 2023 2:21pm", datetime(2023, 6, 19, 14, 21).timestamp()),
        ("Jun 19, 2023 12:21 AM", datetime(2023, 6, 19, 0, 21).timestamp()),
        ("june 9, 2023 14:21:07", datetime(2023, 6, 9, 14, 21, 7).timestamp()),
        ("2023-6-9@4h2m1s", datetime(2023, 6, 9, 4, 2, 1).timestamp()),
        ("2023-06-19 @14h 21m 00s 7ms", datetime(2023, 6, 19, 14, 21, 0, 7000).timestamp()),
    ],
)
def test_every_form_of_date_is_read(store: Store, tmp_path: Path, date: object, expected: float) -> None:
    path = write(tmp_path, {"user_name": "A", "character_name": "B"}, {"mes": "x", "send_date": date})
    assert import_conversation(store, path).updated == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        "yesterday",
        "Smarch 1, 2023 1:00pm",
        "June 31, 2023 1:00pm",
        True,
        [1],
        float("nan"),
        -5,
        10**400,
        "1" * 5000,
    ],
)
def test_a_date_nobody_can_read_is_now_and_the_order_stays(store: Store, tmp_path: Path, date: object) -> None:
    path = write(tmp_path, {"chat_metadata": 3}, *({"mes": str(n), "is_user": n % 2, "send_date": date} for n in range(4)))
    conversation = import_conversation(store, path)
    assert [s.message.text for s in store.path(conversation.id)] == ["0", "1", "2", "3"]
    assert conversation.updated == pytest.approx(datetime.now().timestamp(), abs=60)


def test_hidden_words_are_kept_and_notes_are_not(store: Store, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {"user_name": "Ana", "character_name": "Mira"},
        {"name": "Mira", "is_system": True, "mes": "hidden, but said"},
        {"name": "Ana", "is_user": True, "is_system": True, "mes": "also hidden"},
        {"name": "SillyTavern System", "is_system": True, "mes": "Welcome!"},
        {"name": "Note", "is_system": True, "mes": "a note", "extra": {"type": "comment"}},
        {"name": "Mira", "is_system": True, "mes": "narration", "extra": {"type": "narrator"}},
    )
    conversation = import_conversation(store, path)
    assert [s.message.text for s in store.path(conversation.id)] == ["hidden, but said", "also hidden"]


def test_a_very_old_file_without_a_header(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, {"name": "Mira", "mes": "Hi"}, {"name": "A", "is_user": True, "mes": " "}, name="An old chat.jsonl")
    conversation = import_conversation(store, path)
    assert (conversation.title, conversation.character_name) == ("An old chat", "Mira")
    assert len(store.path(conversation.id)) == 2


def test_half_an_emoji_as_javascript_writes_it(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, '{"user_name": "\\ud83d"}', '{"mes": "cut \\ud83d", "name": "\\ud83d", "swipes": ["\\udc00"]}')
    conversation = import_conversation(store, path)
    assert store.path(conversation.id)[0].message.text == "cut \ufffd"


def test_a_line_without_a_message_is_named(store: Store, tmp_path: Path) -> None:
    header = {"user_name": "A"}
    assert "line 2 has no message" in refusal(store, write(tmp_path, header, {"name": "x"}))
    assert "line 3 is not JSON" in refusal(store, write(tmp_path, header, {"mes": "x"}, "{"))
    assert "line 2 is not a message" in refusal(store, write(tmp_path, header, "[1]"))


def alternates(store: Store, message: Message) -> list[tuple[object, ...]]:
    siblings = [m for m in store.tree(message.conversation) if m.parent == message.parent and m.role == message.role]
    return [(m.text, m.model, m.status, m.feedback, m.edited, m.tokens) for m in siblings]
