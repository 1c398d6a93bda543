"""What comes along is found from a checkout, from a wheel, and in a frozen folder."""

from __future__ import annotations

from companion.core import paths


def test_from_a_checkout_it_lies_beside_the_package():
    assert (paths.assets_folder() / "icon.svg").is_file()
    assert (paths.models_folder() / "catalog.toml").is_file()


def test_where_it_is_installed_it_lies_inside_with_the_starter_model(tmp_path, monkeypatch):
    package = tmp_path / "companion"
    starter = package / "shipped" / "models" / "starter" / "small.gguf"
    starter.parent.mkdir(parents=True)
    starter.write_bytes(b"GGUF")
    (package / "shipped" / "assets").mkdir()
    monkeypatch.setattr(paths, "__file__", str(package / "core" / "paths.py"))
    assert paths.assets_folder() == package / "shipped" / "assets"
    assert paths.starter_model() == starter
