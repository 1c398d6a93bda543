"""Writes a home folder as the version that it runs with leaves it, to be kept and opened by every later version.

    python tests/upgrade/make_home.py tests/upgrade/homes/0.1.0.tar.xz              once per release, before its tag
    PYTHONPATH=OLD python tests/upgrade/make_home.py ARCHIVE --parts talks settings a format of before: OLD is a checkout

Every part goes through the program's own code. `expected.json` beside the home says what a person would look for in it. A
home of a release is never written anew: whoever has such data has it as it was. Until it is released, delete it first.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOME = Path("/tmp/companion-sample/home")
"""Where it is made: the test that opens it puts its own place in."""
LEFT_OUT = ("checkpoints", "logs", "lock", "window.lock", "window.address")
"""What a later version neither needs nor shows."""
BUILT_IN_FIELDS = {"name": "Mira", "description": "{{char}} keeps a lighthouse.", "first_mes": "The lamp is lit."}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    asked = parser.parse_args(arguments)
    if asked.archive.exists():
        print(f"There is a home in “{asked.archive}”, and a kept one is never changed.", file=sys.stderr)
        return 1
    shutil.rmtree(HOME.parent, ignore_errors=True)
    HOME.mkdir(parents=True)
    os.environ["COMPANION_HOME"] = str(HOME)
    from companion import __version__

    expected = {"version": __version__} | {name: PARTS[name]() for name in asked.parts}
    told = HOME.parent / "expected.json"
    told.write_text(json.dumps(expected, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    asked.archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(asked.archive, "x:xz") as archive:
        archive.add(told, told.name, filter=_taken)
        archive.add(HOME, HOME.name, filter=_taken)
    shutil.rmtree(HOME.parent)
    return 0


def talks() -> dict[str, Any]:
    """Two conversations: alternates, thumbs, a stopped reply, letters of many scripts; memories where there are any."""
    try:
        from companion.core.storage.store import Store
    except ImportError:  # as it was called at first
        from companion.core.store import Store  # type: ignore[import-not-found, no-redef]
    from companion.core.paths import database_file

    store = Store(database_file())
    stars = store.create_conversation(character="", character_name="Hoshi", greetings=["Good evening!", "You are late ☺"])
    store.rename_conversation(stars.id, "Stars & 星")
    first = store.path(stars.id)[0].message.id
    asked = store.add_message(stars.id, parent=first, role="user", text="Which star is that?")
    worse = store.add_message(stars.id, parent=asked.id, role="assistant", text="", status="streaming", model="smol")
    store.finish_message(worse.id, text="A star.", status="complete", tokens=3, tokens_per_second=80.0)
    store.set_feedback(worse.id, -1)
    better = store.add_message(stars.id, parent=asked.id, role="assistant", text="", status="streaming", model="smol")
    store.finish_message(better.id, text="Vega, in the Lyre.", status="complete", tokens=7, tokens_per_second=81.5)
    store.set_feedback(better.id, 1)
    tea = store.create_conversation(character="mira", character_name="Mira", greetings=["The lamp is lit."])
    said = store.add_message(tea.id, parent=store.path(tea.id)[0].message.id, role="user", text="I drink tea, Grüße 🫖")
    cut = store.add_message(tea.id, parent=said.id, role="assistant", text="", status="streaming")
    store.finish_message(cut.id, text="So do", status="stopped")
    found: dict[str, Any] = {
        "conversations": {
            "Stars & 星": [["assistant", "Good evening!"], ["user", "Which star is that?"], ["assistant", "Vega, in the Lyre."]],
            "I drink tea": [["assistant", "The lamp is lit."], ["user", "I drink tea, Grüße 🫖"], ["assistant", "So do"]],
        },
        "messages": {"Stars & 星": 5, "I drink tea": 3},
        "feedback": {"A star.": -1, "Vega, in the Lyre.": 1},
        "search": {"lyre": "Stars & 星", "grüße": "I drink tea"},
    }
    store.set_automatic_title(tea.id, "I drink tea")
    if hasattr(store, "memories"):
        persona = store.personas.add("Ada", "An engineer.")
        store.set_persona(stars.id, persona.id)
        store.set_note(stars.id, "She whispers.", 2)
        store.set_mood(better.id, "joy")
        store.memories.add("mira", "{{user}} drinks tea.", writer="model", conversation=tea.id, message=said.id)
        store.memories.add("mira", "{{user}} fears the dark.", pinned=True)
        store.memories.add_summary(stars.id, asked.id, "They looked at the sky.")
        found |= {
            "memories": ["{{user}} drinks tea.", "{{user}} fears the dark."],
            "persona": "Ada",
            "note": "She whispers.",
            "summary": "They looked at the sky.",
        }
    store.close()
    return found


def settings() -> dict[str, Any]:
    from companion.core.paths import settings_file
    from companion.core.sampling import Sampling
    from companion.core.settings import Settings, save_settings

    chosen = Settings(person_name="Ada ✨", theme="light", font_size=17, threads=3, sampling=Sampling(temperature=0.55, top_k=33))
    save_settings(settings_file(), chosen)
    return {
        "person_name": "Ada ✨",
        "theme": "light",
        "font_size": 17,
        "threads": 3,
        "sampling": {"temperature": 0.55, "top_k": 33},
    }


def character() -> dict[str, Any]:
    from companion.core.character import Card
    from companion.core.character_library import CharacterLibrary

    made = CharacterLibrary().create(Card(**BUILT_IN_FIELDS))
    return {"identifier": made.identifier, **BUILT_IN_FIELDS}


def workshop() -> dict[str, Any]:
    """A dataset, a lesson that made an adapter of it, its report, its adoption, and what was measured of the tiny model."""
    root = Path(__file__).parents[2]
    sys.path.insert(0, str(root))
    from companion.core.dataset import DatasetSource, Dialogue, DialogueTurn
    from companion.core.dataset_folder import DatasetWriter
    from companion.core.job_folder import all_jobs
    from companion.core.library.history import Change, Choice, History
    from companion.core.paths import own_adapters_folder, own_datasets_folder, own_models_folder
    from tests.small_recipes import QUICK
    from tests.tiny_models import write_tiny_llama
    from tests.workshop.recipes.small_evaluations import write_suite

    own_models_folder().mkdir(parents=True)
    model = write_tiny_llama(own_models_folder() / "tiny.gguf", width=32, layers=1, ffn=64, context=4096, type="F16")
    folder = own_datasets_folder() / "evenings"
    with DatasetWriter(folder) as writer:
        for number in range(24):
            said = (DialogueTurn("user", f"night {number}"), DialogueTurn("assistant", f"hello night {number % 3}"))
            writer.add(Dialogue(messages=said))
        writer.finish(DatasetSource(name="Evenings", origin="made for this sample", licence="CC0-1.0", consent="all of it"))
    changes = [word for change in (*QUICK, "adapter.rank=2") for word in ("--set", change)]
    _companion("fine-tune", "--data", folder, "--model", model, *changes)
    (adapter,) = own_adapters_folder().glob("*.gguf")
    with tempfile.TemporaryDirectory() as place:
        suite = write_suite(Path(place) / "small.toml")
        _companion("evaluate", "--suite", suite, "--model", model, "--adapter", adapter, "--data", folder)
    _companion("tune", "--model", model, "--quick")
    after = Choice(model=str(model))
    History().add(Change(when=1.0, name="", before=Choice(), after=after))
    jobs = {job.summary().kind: job.summary() for job in all_jobs()}
    (report,) = [json.loads(path.read_bytes()) for path in HOME.glob("data/jobs/*/output/report.json")]
    return {
        "dataset": {"name": "Evenings", "licence": "CC0-1.0", "dialogues": 24},
        "adapter": adapter.name,
        "model": model.name,
        "jobs": {kind: {"state": found.state, "steps": found.steps, "name": found.name} for kind, found in jobs.items()},
        "verdict": report["verdict"],
        "measured": [model.name],
        "adoptions": 1,
    }


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "talks": talks,
    "settings": settings,
    "character": character,
    "workshop": workshop,
}


def _taken(file: tarfile.TarInfo) -> tarfile.TarInfo | None:
    file.uid = file.gid = 0
    file.uname = file.gname = ""
    return None if Path(file.name).name in LEFT_OUT else file


def _companion(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "companion", *map(str, words)], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
