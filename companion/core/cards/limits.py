"""How much a character may bring along: cards are found on the network, so every count and size has an end."""

from __future__ import annotations

from typing import Final

MAX_CARD_BYTES: Final = 8 * 1024 * 1024
"""Of the JSON of a card or a lorebook, in a file of its own or inside a picture or an archive."""
MAX_PICTURE_BYTES: Final = 32 * 1024 * 1024
"""Of a picture, with or without a card in it."""
MAX_CHUNKS: Final = 65_536
"""Of a PNG picture."""
MAX_ARCHIVE_BYTES: Final = 512 * 1024 * 1024
"""Of a CHARX file, and of all that comes out of it."""
MAX_MEMBER_BYTES: Final = 64 * 1024 * 1024
MAX_MEMBERS: Final = 5_000
MAX_DIRECTORY_BYTES: Final = 4 * 1024 * 1024
"""Of a CHARX file's table of contents, which is read in one piece."""
MAX_RATIO: Final = 200
"""How many times larger than packed a member may be; the text of a card packs 10 to 1, a picture hardly at all."""
FREE_RATIO_BYTES: Final = 1024 * 1024
"""Members up to this size may pack as well as they can."""
MAX_PATH: Final = 180
"""Characters of a path inside an archive: Windows allows 260 for the whole path."""
MAX_DEPTH: Final = 64
"""How deep JSON may be nested."""
MAX_NAME: Final = 200
"""Characters of a character's name; what is longer is cut off."""
MAX_LIST: Final = 1_000
"""Greetings, tags, sources."""
MAX_LORE_ENTRIES: Final = 20_000
