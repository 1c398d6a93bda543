"""What a file is that somebody took for a GGUF model: told from its first bytes, in a sentence."""

from __future__ import annotations

from companion.core.errors import ModelError

_OLD_GGML = (b"lmgg", b"fmgg", b"tjgg", b"algg", b"GGMF", b"GGJT")
"""The magic numbers of the formats before August 2023 (GGML, GGMF, GGJT, GGLA), as they lie in the file."""

_ARCHIVES = (b"\x1f\x8b", b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\xfd7zXZ", b"(\xb5/\xfd", b"BZh")

_CHOOSE_GGUF = "Choose a model in GGUF form, or convert this one first."


def not_a_gguf(name: str, start: bytes) -> ModelError:
    """The error for a file that begins with `start` (its first few hundred bytes) instead of “GGUF”."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"version https://git-lfs"):
        what = "is only a pointer to the model (Git LFS), not the model itself"
        return ModelError(f"“{name}” {what}.", "Fetch it with “git lfs pull”, or download the file from its web page.")
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return ModelError(f"“{name}” is a web page, not a model: its download failed.", "Download the model again.")
    if len(start) > 9 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 32:
        return ModelError(f"“{name}” is a model in the safetensors format, not GGUF.", _CHOOSE_GGUF)
    if start.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04")):
        return ModelError(f"“{name}” is a PyTorch checkpoint or a zip archive, not a GGUF model.", _CHOOSE_GGUF)
    if start.startswith(_OLD_GGML):
        what = "is in an old format (GGML, before August 2023) that llama.cpp reads no more"
        return ModelError(f"“{name}” {what}.", "Download the GGUF version of this model.")
    if start.startswith(_ARCHIVES):
        return ModelError(f"“{name}” is a compressed archive, not a model.", "Unpack it and choose the .gguf file in it.")
    if text.startswith((b"{", b"[")):
        return ModelError(f"“{name}” is a text file, not a model; perhaps its download failed.", "Download the model again.")
    if not any(start):
        return ModelError(f"“{name}” begins with nothing but zeros: its download is not finished.", "Download it again.")
    return ModelError(f"“{name}” is not a GGUF model.", _CHOOSE_GGUF)


def wrong_version(name: str, version: int) -> ModelError:
    """The error for a GGUF whose version is not 2 or 3."""
    if version == 1:
        what = "is of GGUF version 1 (August 2023), which llama.cpp reads no more"
        return ModelError(f"“{name}” {what}.", "Download a newer version of this model.")
    if version and not version & 0xFFFF:  # 3 read with its bytes in the wrong order is 0x03000000
        what = "was made for computers that store numbers the other way round (big-endian)"
        return ModelError(f"“{name}” {what}.", "Download the ordinary version of this model.")
    if 3 < version < 100:
        return ModelError(
            f"“{name}” is of GGUF version {version}, newer than this program reads (3).", "Update Companion, then try again."
        )
    return ModelError(f"“{name}” is damaged: its version number is {version}.", "Download it again.")
