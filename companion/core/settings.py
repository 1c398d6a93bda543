"""What the person chose, in one JSON file. Damaged files are set aside, never overwritten."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from companion import __version__
from companion.core.files import set_aside, write_atomic
from companion.core.sampling import Sampling
from companion.core.version import order


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Unknown fields of a newer version are ignored; a value out of bounds makes the file count as damaged."""

    person_name: Annotated[
        str, Meta(max_length=60, title="Your name", description="What she calls you; leave it empty and she will ask.")
    ] = ""
    theme: Annotated[
        Literal["system", "dark", "light"], Meta(title="Theme", description="Follow the system, or always dark or light.")
    ] = "system"
    font_size: Annotated[
        int, Meta(ge=10, le=24, title="Text size", description="Size of the messages and of all around them, 10 to 24.")
    ] = 14
    reduce_motion: Annotated[bool, Meta(title="Reduce motion", description="No fades or slides anywhere in the window.")] = False
    send_with_enter: Annotated[
        bool, Meta(title="Enter sends", description="Enter sends and Shift+Enter starts a new line; off swaps the two.")
    ] = True
    preset: Annotated[str, Meta(max_length=60, title="Style of reply", description="A named set of sampling values.")] = (
        "Balanced"
    )
    sampling: Sampling = Sampling()
    model: str = ""
    """Path of the model to load; empty means the starter model."""
    linked_models: tuple[str, ...] = ()
    """Paths of models in other programs' folders that the library shows, and leaves where they are."""
    character: str = ""
    """Folder or file of the character; empty means the built-in one."""
    persona: int = 0
    """Who the person is in new conversations: id of a persona, 0 for `person_name`."""
    context_tokens: (
        Annotated[
            int,
            Meta(
                ge=512,
                le=1048576,
                title="Context",
                description="How many tokens she can keep in mind at once; automatic takes up to 8,192, as memory allows.",
            ),
        ]
        | None
    ) = None
    threads: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=512,
                title="Threads",
                description="Processor threads for the model; automatic uses what was measured fastest.",
            ),
        ]
        | None
    ) = None
    gpu_layers: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=1000,
                title="Layers on the GPU",
                description="How many layers run on the GPU; automatic tries all, then half, then none.",
            ),
        ]
        | None
    ) = None
    fit_model: Annotated[
        bool,
        Meta(
            title="Fit the starter model",
            description="Once, while nobody talks, a build of it is made that is faster on this computer.",
        ),
    ] = True
    typing_rhythm: Annotated[
        bool,
        Meta(title="Typing rhythm", description="Her words appear at the pace of somebody typing; off shows them as they come."),
    ] = True
    notify: Annotated[
        bool,
        Meta(
            title="Notification",
            description="Tells you when a reply you waited for is done and you cannot see the window.",
        ),
    ] = False
    speak: Annotated[bool, Meta(title="Voice", description="Her replies are spoken, sentence by sentence.")] = False
    voice: Annotated[
        str,
        Meta(max_length=200, title="Which voice", description="One of the system's voices; they are known once the voice is on."),
    ] = ""
    voice_rate: Annotated[float, Meta(ge=-1, le=1, title="Pace of the voice", description="0 is the voice's own pace.")] = 0.0
    voice_pitch: Annotated[float, Meta(ge=-1, le=1, title="Pitch of the voice", description="0 is the voice's own pitch.")] = 0.0
    still_on_battery: Annotated[
        bool, Meta(title="Rest on battery", description="She holds still while the computer runs on its battery.")
    ] = True
    embedding_model: Annotated[
        str,
        Meta(
            max_length=4096,
            title="Embedding model",
            description="A GGUF file that finds memories by meaning; without one they are found by their words.",
        ),
    ] = ""
    jobs_on_close: Annotated[
        Literal["ask", "go on", "pause"],
        Meta(
            title="When the window closes",
            description="Whether work of the workshop goes on without the window, or pauses until you open it again.",
        ),
    ] = "ask"
    teach_at_night: Annotated[
        bool,
        Meta(
            title="Teach at night",
            description="Jobs that you put off until tonight are done while the computer is plugged in and nobody uses it. The"
            " window must stay open.",
        ),
    ] = False
    night_begins: Annotated[int, Meta(ge=0, le=23, title="Night begins", description="The hour, from 0 to 23.")] = 23
    night_ends: Annotated[
        int,
        Meta(ge=0, le=23, title="Night ends", description="The hour; the same for both means all day."),
    ] = 6
    look_for_updates: Annotated[
        bool,
        Meta(
            title="Look for updates",
            description="Once a day the address below is asked for the newest version. It learns which version you have and,"
            " as every address does, your internet address; nothing is installed.",
        ),
    ] = False
    window_geometry: str = ""
    """Qt's saved geometry, base64."""
    list_folded: bool = False
    """Whether the list of conversations is folded away."""


class LoadedSettings(msgspec.Struct, frozen=True):
    settings: Settings
    notice: str = ""
    """A full sentence when the file was damaged and set aside, or is a newer version's, else empty."""


class _Written(msgspec.Struct):
    """What the file says of itself."""

    written_by: str = ""
    """Version of the program."""


def load_settings(path: Path) -> LoadedSettings:
    """Read the settings; a damaged file is renamed to a dated name and defaults are used. One of a newer version, which this one
    would save without what it does not know, is kept beside as it was."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return LoadedSettings(Settings())
    except OSError as error:
        return LoadedSettings(Settings(), f"The settings could not be read ({error.strerror}); the defaults are used this time.")
    content = content.removeprefix(b"\xef\xbb\xbf")
    if newer := _newer_version(content):
        return LoadedSettings(_sound_fields(content), _keep_newer(path, content, newer))
    try:
        return LoadedSettings(msgspec.json.decode(content, type=Settings))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        kept = _sound_fields(content)
        try:
            aside = set_aside(path)
        except OSError:
            return LoadedSettings(
                kept, "The settings file is damaged and could not be set aside; what was sound in it is used this time."
            )
        back = "the defaults are back" if kept == Settings() else "what was sound in it still holds"
        return LoadedSettings(kept, f"The settings file was damaged and is kept as “{aside.name}”; {back}.")


def _newer_version(content: bytes) -> str:
    """Of the program that wrote the file; empty when it was this one, or one before."""
    try:
        version = msgspec.json.decode(content, type=_Written).written_by
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return version if order(version) > order(__version__) else ""


def _keep_newer(path: Path, content: bytes, version: str) -> str:
    """Returns the sentence for the person."""
    what = f"The settings were last saved by a newer version of Companion ({version}); what this one understands of them holds"
    kept = path.with_name(f"{path.stem} of {version}{path.suffix}")
    try:
        write_atomic(kept, content)
    except OSError as error:
        return f"{what}. They could not be kept beside ({error.strerror})."
    return f"{what}, and they are kept as “{kept.name}”."


def _sound_fields(content: bytes) -> Settings:
    """The settings without the fields that have an impossible value."""
    try:
        fields = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Settings()
    sound = {}
    for name, value in fields.items() if isinstance(fields, dict) else ():
        with contextlib.suppress(msgspec.ValidationError):
            msgspec.convert({name: value}, Settings)
            sound[name] = value
    return msgspec.convert(sound, Settings)


def save_settings(path: Path, settings: Settings) -> None:
    """Raises OSError when the disk is full or the folder cannot be written; the old file then stands."""
    written = {"written_by": __version__} | msgspec.to_builtins(settings)
    write_atomic(path, msgspec.json.format(msgspec.json.encode(written), indent=2) + b"\n")
