"""Names of folders and of sprites."""

from __future__ import annotations

import pytest

from companion.core.cards.names import free_slug, sprite_label


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Mira of the Hill", "mira-of-the-hill"),
        ("  Zoë!! ", "zoe"),
        ("星", "character"),
        ("../../etc", "etc"),
        ("CON", "character-con"),
        ("com1", "character-com1"),
        ("...", "character"),
        ("a" * 300, "a" * 40),
        ("_hoshi", "hoshi"),
    ],
)
def test_a_folder_name_is_safe_everywhere(name: str, slug: str) -> None:
    assert free_slug(name, set()) == slug
    assert free_slug(name, {slug, f"{slug}-2"}) == f"{slug}-3"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Joy", "joy"),
        ("happy.png", "joy"),
        ("In love", "love"),
        ("joy-1", "joy_1"),
        ("笑顔", ""),
        ("../x", "x"),
        ("normal", "neutral"),
    ],
)
def test_moods_of_other_programs_are_known(name: str, label: str) -> None:
    assert sprite_label(name) == label
