"""Conversations leave as files and come back whole; files from anywhere are read or refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion.core import conversation_lines
from companion.core.conversation import Conversation, Message
from companion.core.conversation_files import export_conversation, import_conversation
from companion.core.errors import ConversationFileError
from companion.core.storage.store import Store

HEADER = {"format": "companion-conversation", "version": 1, "title": "t", "created": 1, "updated": 2}
FIRST = {"id": 1, "parent": None, "role": "user", "text": "hello", "created": 1}
NICE_TEXT = st.text(st.characters(codec="utf-8")) | st.sampled_from(["", "a\nb", "\u2028", "\u202eעברית", "🌟\u200d❤️", '"\\'])
TIMES = st.floats(0, 253402300799) | st.integers(1_600_000_000_000, 1_900_000_000_000).map(lambda ms: ms / 1000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conversations")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Store]:
    """Shared by all tests here: every import adds a conversation of its own."""
    opened = Store(folder / "companion.sqlite3")
    yield opened
    opened.close()


@st.composite
def trees(draw: st.DrawFn) -> tuple[Conversation, tuple[Message, ...]]:
    messages = []
    for number in range(1, draw(st.integers(0, 8)) + 1):
        message = Message(
            id=number,
            conversation=0,
            parent=draw(st.none() | st.integers(1, number - 1)) if number > 1 else None,
            role=draw(st.sampled_from(["user", "assistant"])),
            text=draw(NICE_TEXT),
            created=draw(TIMES),
            status=draw(st.sampled_from(["complete", "stopped", "interrupted", "failed"])),
            feedback=draw(st.integers(-1, 1)),
            edited=draw(st.booleans()),
            model=draw(st.sampled_from(["", "SmolLM2"])),
            tokens=draw(st.integers(0, 10**6)),
            tokens_per_second=draw(st.floats(0, 1000)),
            mood=draw(st.sampled_from(["", "joy", "neutral"])),
            ending=draw(st.sampled_from(["", "end", "length"])),
        )
        messages.append(message)
    parents = {m.parent for m in messages}
    leaves = [m.id for m in messages if m.id not in parents]
    note = draw(NICE_TEXT)
    conversation = Conversation(
        id=0,
        title=draw(NICE_TEXT),
        titled_by_person=draw(st.booleans()),
        character=draw(st.sampled_from(["", "/home/ana/card.json", "C:\\card.json"])),
        character_name=draw(NICE_TEXT),
        created=draw(TIMES),
        updated=draw(TIMES),
        active=draw(st.sampled_from(leaves)) if leaves else None,
        note=note,
        note_depth=draw(st.integers(0, 1000)) if note.replace("\x00", "").strip() else 4,
    )
    return conversation, tuple(messages)


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


class TestOurFormat:
    @settings(max_examples=80, deadline=None)
    @given(tree=trees())
    def test_a_round_trip_gives_the_same_bytes_and_the_same_tree(
        self, store: Store, folder: Path, tree: tuple[Conversation, tuple[Message, ...]]
    ) -> None:
        original = store.insert_conversation(*tree)
        export_conversation(store, original.id, folder / "one.jsonl")
        copy = import_conversation(store, folder / "one.jsonl")
        export_conversation(store, copy.id, folder / "two.jsonl")
        assert (folder / "one.jsonl").read_bytes() == (folder / "two.jsonl").read_bytes()
        assert without_ids(store, copy) == without_ids(store, original)
        assert [(s.message.text, s.alternate, s.alternates) for s in store.path(copy.id)] == [
            (s.message.text, s.alternate, s.alternates) for s in store.path(original.id)
        ]

    def test_the_file_is_readable_json_lines(self, store: Store, folder: Path) -> None:
        conversation = store.create_conversation(character="", character_name="Hoshi", greetings=["Hi", "Hey"], title="A title")
        store.add_message(conversation.id, parent=conversation.active, role="user", text="é\n2\u2028")
        export_conversation(store, conversation.id, folder / "r.jsonl")
        lines = [json.loads(line) for line in (folder / "r.jsonl").read_bytes().split(b"\n") if line]
        assert lines[0] | {"created": 0, "updated": 0} == {
            "format": "companion-conversation",
            "version": 1,
            "title": "A title",
            "titled_by_person": False,
            "character": "",
            "character_name": "Hoshi",
            "created": 0,
            "updated": 0,
            "active": 3,
        }
        assert [(m["id"], m["parent"], m["role"], m["text"]) for m in lines[1:]] == [
            (1, None, "assistant", "Hi"),
            (2, None, "assistant", "Hey"),
            (3, 1, "user", "é\n2\u2028"),
        ]
        assert set(lines[1]) == {"id", "parent", "role", "text", "created"}

    def test_the_persona_is_found_again_by_its_name(self, store: Store, folder: Path) -> None:
        store.personas.add("Captain Sam")
        persona = store.personas.add("Someone")
        conversation = store.create_conversation(character="", character_name="", greetings=["Hi"], persona=persona.id)
        export_conversation(store, conversation.id, folder / "p.jsonl")
        header = json.loads((folder / "p.jsonl").read_bytes().split(b"\n")[0])
        assert header["persona"] == "Someone"
        assert import_conversation(store, folder / "p.jsonl").persona == persona.id
        store.personas.delete(persona.id)
        assert import_conversation(store, folder / "p.jsonl").persona == 0

    def test_a_mood_nobody_knows_is_left_out(self, store: Store, folder: Path) -> None:
        copy = import_conversation(store, write(folder, HEADER, FIRST | {"mood": "<b>evil"}))
        assert [m.mood for m in store.tree(copy.id)] == [""]

    def test_deleted_messages_stay_behind_and_streaming_ones_are_interrupted(self, store: Store, folder: Path) -> None:
        conversation = store.create_conversation(character="", character_name="", greetings=["a", "b"])
        assert conversation.active is not None
        store.delete_message(conversation.active)
        last = store.path(conversation.id)[-1].message.id
        store.add_message(conversation.id, parent=last, role="assistant", text="half a", status="streaming")
        export_conversation(store, conversation.id, folder / "d.jsonl")
        copy = import_conversation(store, folder / "d.jsonl")
        assert [(m.text, m.status) for m in store.tree(copy.id)] == [("b", "complete"), ("half a", "interrupted")]
        store.recover_interrupted()

    def test_a_chain_of_ten_thousand_messages_comes_back(self, store: Store, folder: Path) -> None:
        messages = [{"id": n, "parent": n - 1 or None, "role": "user", "text": f"{n}", "created": n} for n in range(1, 10_001)]
        conversation = import_conversation(store, write(folder, HEADER | {"active": 10_000}, *messages))
        assert len(store.path(conversation.id)) == 10_000

    @pytest.mark.parametrize(
        ("lines", "sentence"),
        [
            ([HEADER | {"version": 2}], "line 1 says that a newer version"),
            ([HEADER | {"version": "1"}], "line 1 is not as it should be"),
            ([HEADER | {"active": 7}, FIRST], "line 1 names message 7"),
            ([HEADER | {"created": -1}], "line 1 is not as it should be"),
            ([{"format": "companion-conversation"}], "line 1 is not as it should be"),
            ([HEADER, "", "{"], "line 3 is not as it should be"),
            ([HEADER, FIRST, FIRST], "line 3 is a second message with the id 1"),
            ([HEADER, FIRST | {"parent": 1}], "line 2 follows message 1, which stands on no line before it"),
            ([HEADER, FIRST | {"role": "system"}], "line 2 is not as it should be"),
            ([HEADER, FIRST | {"feedback": 2}], "line 2 is not as it should be"),
            ([HEADER, FIRST | {"id": 10**30}], "line 2 is not as it should be"),
            ([HEADER, FIRST | {"created": 1e300}], "line 2 is not as it should be"),
            ([HEADER, FIRST | {"status": "unheard of"}], "line 2 is not as it should be"),
            ([HEADER, json.dumps(FIRST)[:-1] + ', "x": ' + "[" * 100_000], "line 2 is nested too deeply"),
        ],
    )
    def test_a_bad_line_is_named(self, store: Store, folder: Path, lines: list[object], sentence: str) -> None:
        assert sentence in refusal(store, write(folder, *lines))

    def test_a_character_on_a_strangers_server_is_forgotten(self, store: Store, folder: Path) -> None:
        for character in ("\\\\evil\\share\\card.json", "//evil/share", "\\/evil", "/\\evil"):
            assert import_conversation(store, write(folder, HEADER | {"character": character})).character == ""
        assert import_conversation(store, write(folder, HEADER | {"character": "/home/a.json"})).character == "/home/a.json"


class TestSillyTavern:
    @settings(max_examples=80, deadline=None)
    @given(tree=trees())
    def test_a_round_trip_keeps_what_the_format_can_hold(
        self, store: Store, folder: Path, tree: tuple[Conversation, tuple[Message, ...]]
    ) -> None:
        original = store.insert_conversation(*tree)
        export_conversation(store, original.id, folder / "one.jsonl", "sillytavern")
        copy = import_conversation(store, folder / "one.jsonl")
        export_conversation(store, copy.id, folder / "two.jsonl", "sillytavern")
        assert (folder / "one.jsonl").read_bytes() == (folder / "two.jsonl").read_bytes()
        kept, given_ = store.path(copy.id), store.path(original.id)
        assert [comparable(s.message) for s in kept] == [comparable(s.message) for s in given_]
        assert [s.message.created for s in kept] == pytest.approx([s.message.created for s in given_], rel=0, abs=0.001)
        assert (copy.title, copy.character_name) == (original.title, original.character_name)
        assert (copy.note, copy.note_depth) == (original.note, original.note_depth)
        for ours, theirs in zip(kept, given_, strict=True):
            assert alternates(store, ours.message) == alternates(store, theirs.message)


class TestAnyFile:
    def test_what_is_no_conversation_is_refused(self, store: Store, folder: Path, tmp_path: Path) -> None:
        assert "is empty" in refusal(store, write(folder, ""))
        assert "neither a Companion nor a SillyTavern" in refusal(store, write(folder, {"name": "a card"}))
        assert "is not a file" in refusal(store, tmp_path)
        assert "is not a file" in refusal(store, tmp_path / "missing.jsonl")
        (tmp_path / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
        assert "line 1 is not text in UTF-8" in refusal(store, tmp_path / "image.png")

    def test_windows_line_ends_and_a_mark_at_the_start_do_no_harm(self, store: Store, tmp_path: Path) -> None:
        for lines in ([HEADER, FIRST], [{"user_name": "A"}, {"mes": "hello"}]):
            content = "\r\n\r\n".join(json.dumps(line) for line in lines)
            (tmp_path / "w.jsonl").write_bytes(b"\xef\xbb\xbf" + content.encode() + b"\r\n")
            assert import_conversation(store, tmp_path / "w.jsonl").preview == "hello"

    def test_limits(self, store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        many = [FIRST | {"id": n} for n in range(1, 12)]
        ours, theirs = (
            write(folder, HEADER, *many),
            write(folder, {"user_name": "A"}, {"mes": "x", "swipes": ["x"] * 11}, name="s"),
        )
        for module in ("conversation_files", "sillytavern"):
            monkeypatch.setattr(f"companion.core.{module}.MAX_MESSAGES", 10)
        assert "line 12 is one more than the 10 messages" in refusal(store, ours)
        assert "line 2 is past the 10 messages" in refusal(store, theirs)
        monkeypatch.setattr(conversation_lines, "MAX_LINE_BYTES", 50)
        assert "line 1 is longer than" in refusal(store, ours)
        with (folder / "huge.jsonl").open("wb") as file:
            file.truncate(conversation_lines.MAX_FILE_BYTES + 1)
        assert "larger than 256 MB" in refusal(store, folder / "huge.jsonl")

    @settings(max_examples=200, deadline=None)
    @given(
        form=st.sampled_from(["companion", "sillytavern"]),
        edits=st.lists(st.tuples(st.integers(0), st.integers(0, 30), st.binary(max_size=8)), min_size=1, max_size=4),
    )
    def test_damaged_bytes_are_read_or_refused(
        self, store: Store, folder: Path, form: str, edits: list[tuple[int, int, bytes]]
    ) -> None:
        conversation = store.create_conversation(character="", character_name="Hoshi", greetings=["Hi 🌟", "Hey"], title="t")
        reply = store.add_message(conversation.id, parent=conversation.active, role="user", text="quite\nso")
        store.set_feedback(reply.id, 1)
        export_conversation(store, conversation.id, folder / "f.jsonl", form)  # type: ignore[arg-type]
        content = bytearray((folder / "f.jsonl").read_bytes())
        for place, length, replacement in edits:
            at = place % (len(content) + 1)
            content[at : at + length] = replacement
        (folder / "f.jsonl").write_bytes(content)
        read_or_refuse(store, folder)

    @settings(max_examples=200, deadline=None)
    @given(data=st.data())
    def test_any_value_in_any_field_is_read_or_refused(self, store: Store, folder: Path, data: st.DataObject) -> None:
        odd = st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()), max_size=5),
            lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=3), v, max_size=3),
            max_leaves=4,
        )
        message = {
            "name": "M",
            "mes": "x",
            "swipes": ["x", "y"],
            "swipe_id": 0,
            "swipe_info": [{"extra": {"tokens": 1}}],
            "extra": {},
        }
        header: dict[str, Any] = {"user_name": "A", "character_name": "M", "create_date": "", "chat_metadata": {"title": "t"}}
        if data.draw(st.booleans()):
            header, message = dict(HEADER), dict(FIRST) | {"status": "failed", "tokens": 1, "tokens_per_second": 1.0}
        else:
            message |= {"is_user": False, "is_system": False, "send_date": 0}
        for fields in (header, message):
            for key in data.draw(st.lists(st.sampled_from(sorted(fields.keys() - {"format"})), max_size=2)):
                fields[key] = data.draw(odd)
        if isinstance(message.get("extra"), dict):
            message["extra"] = data.draw(
                st.dictionaries(
                    st.sampled_from(
                        ["feedback", "edited", "mood", "ending", "status", "model", "token_count", "tokens_per_second", "type"]
                    ),
                    odd,
                )
            )
        write(folder, header, message, name="f.jsonl")
        read_or_refuse(store, folder)


class TestExport:
    def test_what_cannot_be_written_is_a_sentence(self, store: Store, tmp_path: Path) -> None:
        conversation = store.create_conversation(character="", character_name="", greetings=["Hi"])
        (tmp_path / "folder.jsonl").mkdir()
        with pytest.raises(ConversationFileError, match="cannot be written"):
            export_conversation(store, conversation.id, tmp_path / "folder.jsonl")
        with pytest.raises(ConversationFileError, match="no longer exists"):
            export_conversation(store, 10**9, tmp_path / "x.jsonl")
        assert [p.name for p in tmp_path.glob("*.part")] == []

    def test_sillytavern_gets_names_and_swipes(self, store: Store, tmp_path: Path) -> None:
        conversation = store.create_conversation(character="", character_name="Hoshi", greetings=["Hi", "Hey"], title="t")
        message = store.add_message(conversation.id, parent=conversation.active, role="user", text="yes")
        store.set_feedback(message.id, -1)
        export_conversation(store, conversation.id, tmp_path / "s.jsonl", "sillytavern", person="Ana")
        header, greeting, answer = (json.loads(line) for line in (tmp_path / "s.jsonl").read_bytes().splitlines())
        assert (header["user_name"], header["character_name"]) == ("Ana", "Hoshi")
        assert (greeting["name"], greeting["is_user"], greeting["mes"]) == ("Hoshi", False, "Hi")
        assert (greeting["swipes"], greeting["swipe_id"], len(greeting["swipe_info"])) == (["Hi", "Hey"], 0, 2)
        assert (answer["name"], answer["is_user"], answer["extra"]) == ("Ana", True, {"feedback": -1})
        assert "swipes" not in answer


def read_or_refuse(store: Store, folder: Path) -> None:
    try:
        conversation = import_conversation(store, folder / "f.jsonl")
    except ConversationFileError:
        return
    assert store.conversation(conversation.id) == conversation
    assert bool(store.path(conversation.id)) == bool(store.tree(conversation.id))
    export_conversation(store, conversation.id, folder / "g.jsonl")
    import_conversation(store, folder / "g.jsonl")


def comparable(message: Message) -> Message:
    return msgspec.structs.replace(message, id=0, conversation=0, parent=None, created=0)


def alternates(store: Store, message: Message) -> list[tuple[object, ...]]:
    siblings = [m for m in store.tree(message.conversation) if m.parent == message.parent and m.role == message.role]
    return [(m.text, m.model, m.status, m.feedback, m.edited, m.tokens) for m in siblings]


def without_ids(store: Store, conversation: Conversation) -> tuple[Conversation, list[Message]]:
    tree = store.tree(conversation.id)
    order = {m.id: number for number, m in enumerate(tree)}
    messages = [
        msgspec.structs.replace(m, id=order[m.id], conversation=0, parent=None if m.parent is None else order[m.parent])
        for m in tree
    ]
    return msgspec.structs.replace(conversation, id=0, active=conversation.active and order[conversation.active]), messages
