"""Small add-ons for tests: wheels as they are on an index, and libraries that a C compiler makes of a few lines."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import llama_cpp
import msgspec
import pytest

from companion.core.addons.manifest import Addon, Manifest, Part, python_tag
from companion.core.hardware import Gpu, Hardware, probe
from tests.hub_server import HubServer

COMPILER = shutil.which("cc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")

TORCH = '''
"""As much of torch as the check of an add-on asks for, in whole numbers."""
__version__ = "9.9.9+fake"
float32 = "float32"


class _Matrix:
    def __init__(self, rows):
        self.rows = rows

    def remainder(self, divisor):
        return self

    def reshape(self, rows, columns):
        return self

    def contiguous(self):
        return self

    @property
    def T(self):
        return self

    def to(self, place):
        return self

    def __matmul__(self, other):
        return self


def arange(count, dtype):
    return _Matrix(count)


def allclose(one, other, rtol):
    return {sound}


class cuda:
    @staticmethod
    def is_available():
        return {there}

    @staticmethod
    def get_device_name(number):
        return "Pretended Card"
'''

BACKEND = """
#include <stddef.h>
#include <stdlib.h>
typedef struct dev card_t; typedef struct reg list_t;
struct dev {{
    const char *(*name)(card_t *), *(*description)(card_t *);
    void (*memory)(card_t *, size_t *, size_t *);
    int (*type)(card_t *);
    void (*props)(card_t *, void *);
    void *(*init)(card_t *, const char *);
    void *others[9];
    list_t *reg;
    void *context;
}};
struct reg {{
    int api_version;
    const char *(*name)(list_t *);
    size_t (*count)(list_t *);
    card_t *(*get)(list_t *, size_t);
    void *(*address)(list_t *, const char *);
    void *context;
}};
struct backend {{
    void *guid;
    const char *(*name)(void *);
    void (*free)(void *);
    void *others[20];
}};
static void nothing(void *b) {{}}
static struct backend backend = {{ .free = nothing }};
static const char *name(card_t *d) {{ return "PRETENDED0"; }}
static const char *description(card_t *d) {{ return "Pretended Card"; }}
static void memory(card_t *d, size_t *free, size_t *total) {{ *free = 1000000000; *total = 2000000000; }}
static int type(card_t *d) {{ return {type}; }}
static void *init(card_t *d, const char *p) {{ return {opened}; }}
static const char *reg_name(list_t *r) {{ return "PRETENDED"; }}
static size_t count(list_t *r) {{ return 1; }}
static list_t reg;
static card_t dev = {{ .name = name, .description = description, .memory = memory, .type = type, .init = init, .reg = &reg }};
static card_t *get(list_t *r, size_t i) {{ return &dev; }}
static void *address(list_t *r, const char *n) {{ return NULL; }}
static list_t reg = {{ {version}, reg_name, count, get, address, NULL }};
list_t *ggml_backend_init(void) {{ {before} return &reg; }}
"""
"""`ggml-backend-impl.h` of the llama.cpp that llama-cpp-python 0.3.36 carries, with one card that computes nothing."""


def backend_library(folder: Path, *, version: int = 2, type: int = 1, opened: str = "&backend", before: str = "") -> bytes:
    """llama.cpp's part of an add-on, for a card that is only pretended."""
    return library(folder, "libggml-cuda.so", BACKEND.format(version=version, type=type, opened=opened, before=before))


def library(folder: Path, name: str, source: str, *linked: Path) -> bytes:
    folder.mkdir(parents=True, exist_ok=True)
    code, made = folder / f"{name}.c", folder / name
    code.write_text(source)
    subprocess.run([COMPILER, "-shared", "-fPIC", f"-Wl,-soname,{name}", "-o", made, code, *linked], check=True)
    return made.read_bytes()


def wheel(files: Mapping[str, str | bytes], *, links: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a wheel named like torch's."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for name, target in (links or {}).items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o120777 << 16
            archive.writestr(entry, target)
        archive.writestr(
            "torch-9.9.9.dist-info/METADATA", "Metadata-Version: 2.4\nName: torch\nLicense-Expression: BSD-3-Clause\n"
        )
    return packed.getvalue()


def torch_wheel(*, there: bool = True, sound: bool = True) -> bytes:
    return wheel({"torch/__init__.py": TORCH.format(there=there, sound=sound)})


WHEEL_NAME = f"torch-9.9.9+fake-{python_tag()}-{python_tag()}-linux_x86_64.whl"


def served(hub: HubServer, contents: Mapping[str, bytes], **about: Any) -> Addon:
    """An add-on whose parts that server has; `about` says what is announced otherwise."""
    parts = []
    for name, content in contents.items():
        hub.files[name.replace("+", "%2B")] = content
        kind = "wheel" if name.endswith(".whl") else "library"
        size = len(content)
        if kind == "wheel":
            try:
                with zipfile.ZipFile(BytesIO(content)) as archive:
                    size = sum(entry.file_size for entry in archive.infolist())
            except zipfile.BadZipFile:
                size = len(content)
        known = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "unpacked": size, "licence": "MIT"}
        url = f"{hub.endpoint}/cdn/{name.replace('+', '%2B')}"
        parts.append(Part(url=url, kind=kind, **(known | about)))
    return Addon(
        device="cuda",
        system="linux",
        machine="x86-64",
        python=python_tag(),
        llama=llama_cpp.__version__,
        brings="Lets the card write replies and teach.",
        parts=tuple(parts),
    )


CARD = Gpu(name="Pretended Card", maker="nvidia")


def with_card() -> Hardware:
    """This machine, had it a card for which there could be an add-on."""
    return msgspec.structs.replace(probe(), gpus=(CARD,), architecture="x86-64")


def write_manifest(file: Path, addon: Addon) -> Path:
    """A list of one add-on."""
    file.write_bytes(msgspec.json.encode(Manifest(format=1, addons=(addon,))))
    return file
