"""The pictures a card brings along. An address on the network is only text: nothing is ever fetched."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from companion.core.cards.limits import MAX_PICTURE_BYTES
from companion.core.cards.png import SIGNATURE
from companion.core.character import Asset, Card

_INSIDE: Final = ("embeded://", "embedded://")  # the specification's spelling, and English


def picture_kind(content: bytes) -> str:
    """File name extension of a picture that this program shows, by its first bytes; empty for anything else."""
    if content.startswith(SIGNATURE):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    return "gif" if content.startswith((b"GIF87a", b"GIF89a")) else ""


def asset_content(asset: Asset, files: Mapping[str, bytes]) -> bytes | None:
    """The bytes of a file that came with the card, or stands in the card itself (`data:`); None when it did not."""
    for prefix in _INSIDE:
        if asset.uri.startswith(prefix):
            return files.get(asset.uri[len(prefix) :])
    head, comma, body = asset.uri.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        return None
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return None


def pictures(card: Card, kind: str, files: Mapping[str, bytes]) -> list[tuple[Asset, bytes, str]]:
    """The card's assets of this kind (`icon`, `background`, `emotion`) that are pictures, with their content and its
    extension; the main one first."""
    found = []
    for asset in sorted((a for a in card.assets if a.type == kind), key=lambda a: a.name != "main"):
        content = asset_content(asset, files)
        if content is not None and len(content) <= MAX_PICTURE_BYTES and (extension := picture_kind(content)):
            found.append((asset, content, extension))
    return found
