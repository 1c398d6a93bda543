from __future__ import annotations

import hashlib
import random
from pathlib import Path

import msgspec
import numpy as np
import pytest

from companion.core.errors import CompanionError
from companion.mood import weights
from companion.mood.classifier import MoodReader


def test_what_is_written_is_read_again(tiny_file, tiny_weights):
    found = weights.read(tiny_file)
    assert found.words == tiny_weights.words
    assert found.arrays.keys() == tiny_weights.arrays.keys()
    for name, array in tiny_weights.arrays.items():
        tolerance = {"vectors": 0.02, "hidden": 0}.get(name, 0.002)
        assert np.allclose(found.arrays[name], array, atol=tolerance), name


def refused(path: Path) -> CompanionError:
    with pytest.raises(CompanionError) as caught:
        MoodReader.load(path)
    assert caught.value.what.endswith(".")
    assert caught.value.remedy
    return caught.value


def test_a_missing_file_is_a_sentence(tmp_path):
    assert "cannot be read" in refused(tmp_path / "none").what
    assert "cannot be read" in refused(tmp_path).what


def test_any_damage_is_found(tiny_file):
    good, chance = tiny_file.read_bytes(), random.Random(1)
    for _ in range(300):
        data = bytearray(good)
        match chance.randrange(4):
            case 0:
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            case 1:
                del data[chance.randrange(len(data)) :]
            case 2:
                at = chance.randrange(len(data))
                data[at:at] = chance.randbytes(chance.randint(1, 50))
            case 3:
                at = chance.randrange(len(data))
                del data[at : at + chance.randint(1, 50)]
        tiny_file.write_bytes(data)
        if bytes(data) != good:
            refused(tiny_file)


def forge(path: Path, change) -> None:
    """A file whose checksum is right and whose content is not."""
    first, second, body = path.read_bytes().split(b"\n", 2)
    header, tensors = msgspec.json.decode(first), msgspec.json.decode(second)
    body = change(header, tensors, body) or body
    content = msgspec.json.encode(tensors) + b"\n" + body
    path.write_bytes(msgspec.json.encode({**header, "sha256": hashlib.sha256(content).hexdigest()}) + b"\n" + content)


def with_header(**values):
    return lambda header, tensors, body: header.update(values)


def with_tensor(tensor, **values):
    return lambda header, tensors, body: next(each for each in tensors if each["name"] == tensor).update(values)


def text_of_bytes(header, tensors, body):
    size = tensors[0]["shape"][0]
    return b"\xff" * size + body[size:]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (with_header(version=2), "another version"),
        (with_header(format="zip"), "another version"),
        (with_header(extra=1), "no mood model"),
        (lambda header, tensors, body: tensors.clear(), "length"),
        (with_tensor("hidden", shape=[-18, 4]), "impossible size"),
        (with_tensor("hidden", shape=[2**62, 2**62]), "length"),
        (with_tensor("hidden", shape=[4, 18]), "“hidden” is missing or has the wrong size"),
        (with_tensor("hidden.bias", shape=[2, 2]), "hidden"),
        (with_tensor("hidden", kind="pickle"), "no mood model"),
        (with_tensor("convolution2", name="other"), "convolution2"),
        (text_of_bytes, "damaged"),
        (lambda header, tensors, body: body[:-2] + b"\x00\x7c", "numbers that are none"),
        (lambda header, tensors, body: body + b"x", "length"),
    ],
)
def test_a_file_that_does_not_fit_together_is_refused(tiny_file, change, expected):
    forge(tiny_file, change)
    assert expected in refused(tiny_file).what


def test_a_file_without_the_special_words_is_refused(tiny_weights, tmp_path):
    words = ["x" + word for word in tiny_weights.words]
    weights.write(tmp_path / "w", weights.Weights(tiny_weights.arrays, words), {})
    assert "words" in refused(tmp_path / "w").what


def test_a_huge_file_is_not_even_read(tmp_path):
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(weights.LARGEST_BYTES + 1)
    assert "too large" in refused(tmp_path / "huge").what
