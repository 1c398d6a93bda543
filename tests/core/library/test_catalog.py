"""The catalog that is shipped, and what it foretells of a machine."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from companion.core.errors import ModelError
from companion.core.gguf.header import read_header
from companion.core.hardware import probe
from companion.core.library.catalog import CONTEXT, Offer, memory_of, outlook, read_catalog
from companion.core.library.downloaded import Source, downloaded, note_download
from companion.core.measured_here import Pace
from companion.core.paths import data_folder, models_folder
from companion.llama.context import ContextOptions
from companion.llama.memory import memory_need
from companion.workshop.nn.config import SUPPORTED

GB = 10**9
LITTLE = read_catalog()[0]


def machine(total: int, free: int):
    return replace(probe(), memory_total=total, memory_available=free, gpus=())


def test_the_shipped_catalog_is_sound():
    offers = read_catalog()
    assert 8 <= len(offers) <= 12
    assert len({offer.key for offer in offers}) == len({offer.file for offer in offers}) == len(offers)
    for offer in offers:
        assert 0.1e9 < offer.parameters < 8.1e9
        assert offer.architecture in SUPPORTED, "what is offered can be fine-tuned too"
        bits = offer.bytes * 8 / offer.parameters
        assert 4.5 < bits < 9, f"{offer.name}: {bits:.2f} bits per weight is no {offer.quantization}"
        assert len(offer.sha256) == 64
    assert [offer.bytes for offer in offers] == sorted(offer.bytes for offer in offers)


def test_the_memory_foretold_is_that_of_the_header(starter):
    header = read_header(starter)
    same = Offer(
        name="Starter", repository="a/b", file="c.gguf", bytes=header.weights_bytes, quantization="Q4_1", architecture="llama",
        parameters=header.parameters, licence="Apache-2.0", languages=("English",), context=header.context_length,
        layers=header.layers, width=header.embedding_length, kv_width=header.n_embd_k_gqa[0], vocabulary=header.vocabulary_size,
    )  # fmt: skip
    assert memory_of(same) == pytest.approx(
        memory_need(header, ContextOptions(CONTEXT, 1, outputs=16), extra_buffers=False).total, rel=0.05
    )


def test_what_runs_well_follows_memory_and_pace():
    fast, slow = Pace(bytes_per_second=20 * GB, judged_by="x"), Pace(bytes_per_second=GB, judged_by="x")
    large = read_catalog()[-1]
    assert outlook(LITTLE, machine(16 * GB, 12 * GB), fast).fit == "well"
    assert "tokens/s" in outlook(LITTLE, machine(16 * GB, 12 * GB), fast).sentence
    assert "tokens/s" not in outlook(LITTLE, machine(16 * GB, 12 * GB), None).sentence
    assert outlook(large, machine(16 * GB, 12 * GB), slow).fit == "slow"
    tight = outlook(large, machine(16 * GB, 2 * GB), fast)
    assert tight.fit == "tight"
    assert "close other programs" in tight.sentence
    assert outlook(large, machine(4 * GB, 3 * GB), fast).fit == "no"


def test_without_a_size_it_is_guessed_from_the_parameters():
    guessed = replace(read_catalog()[-1], bytes=0)
    assert guessed.size == pytest.approx(read_catalog()[-1].bytes, rel=0.05)


@pytest.mark.parametrize(
    "text",
    ["model = 3", "[[model]]\nname = 'x'", "[[model", '[[model]]\nname = "x"\nrepository = "../.."\nfile = "../x.gguf"'],
)
def test_a_damaged_catalog_is_a_sentence(tmp_path, text):
    file = tmp_path / "catalog.toml"
    file.write_text(text)
    with pytest.raises(ModelError, match="damaged"):
        read_catalog(file)


def test_no_path_leads_out_of_the_models_folder(tmp_path):
    file = tmp_path / "catalog.toml"
    file.write_text((models_folder() / "catalog.toml").read_text().replace(LITTLE.file, "../../evil.gguf"))
    with pytest.raises(ModelError, match="damaged"):
        read_catalog(file)


def test_where_a_download_came_from_is_kept(home):
    source = Source(repository="a/b", file="c.gguf", commit="1", licence="MIT", when=1.0)
    note_download("ab", source)
    note_download("cd", source)
    assert downloaded() == {"ab": source, "cd": source}
    (data_folder() / "library" / "downloaded.json").write_bytes(b"{")
    assert downloaded() == {}
    assert list((data_folder() / "library").glob("downloaded damaged *"))
