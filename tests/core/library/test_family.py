"""The family tree: base → adapter → merge → build."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from companion.core.job import BuildProven, JobEnded, JobStarted, OutputWritten, Proven
from companion.core.library.family import Family, Missing
from companion.core.library.item import Item
from companion.core.library.origins import JobFacts, Made, facts_of, job_facts
from companion.core.recipes.fine_tune import FineTune
from companion.core.recipes.quantize import Quantize
from tests.core.library.conftest import Shelf, write_job

PROVEN = Proven(
    bytes=1000, bits_per_weight=4.5, divergence=0.01, dialogues=0.01, general=0.01, same_top=0.97, perplexity=10,
    source_perplexity=9.9, read=300, write=120, source_read=200, source_write=80,
)  # fmt: skip


def names(members) -> list[str]:
    return [member.name for member in members]


def plain(name: str, **fields) -> Item:
    return Item(path=Path(f"/somewhere/{name}.gguf"), place="own", kind="model", name=name, bytes=1, changed=0.0, **fields)


def test_files_alone_tell_who_came_of_whom(shelf: Shelf):
    items = shelf.items()
    family = Family(items.values(), {})
    assert names(family.roots) == ["base"]
    assert names(family.children(items["base"])) == ["base-fitted", "merged", "Voice"]
    assert [family.link(items[name]).relation for name in ("base-fitted", "merged", "voice")] == ["build", "merge", "adapter"]
    assert family.link(items["merged"]).adapter == items["voice"]
    assert names(family.line(items["voice"])) == ["base", "Voice"]


def test_a_job_tells_what_a_merged_build_was_made_of(shelf: Shelf):
    items = shelf.items()
    job = write_job(
        Quantize(name="merged", model=str(shelf.base), adapter=str(shelf.adapter)),
        JobStarted(pid=1, time=50),
        BuildProven(name="build", kinds={}, proven=PROVEN),
        OutputWritten(file=str(shelf.merge), kind="model", metrics={"bytes": 1000.0}),
        JobEnded(state="done", what="Done.", time=99),
    )
    made = job_facts().made
    told = made[str(shelf.merge)]
    assert (told.job, told.relation, told.base, told.proven, told.when) == (job.id, "merge", str(shelf.base), PROVEN, 99)
    link = Family(items.values(), made).link(replace(items["merged"], merged_adapter=""))
    assert (link.parent, link.adapter) == (items["base"], items["voice"])


def test_a_fine_tuning_that_merged_tells_of_both_files(shelf: Shelf):
    job = write_job(
        FineTune(name="voice", model=str(shelf.base)),
        OutputWritten(file=str(shelf.adapter), kind="adapter", metrics={"loss": 1.0}),
        OutputWritten(file=str(shelf.merge), kind="model"),
    )
    facts = facts_of(job)
    assert facts.made[str(shelf.adapter)].relation == "adapter"
    assert (facts.made[str(shelf.merge)].relation, facts.made[str(shelf.merge)].adapter) == ("merge", str(shelf.adapter))


def test_a_base_that_is_not_here_keeps_its_place(shelf: Shelf):
    items = shelf.items()
    family = Family([item for item in items.values() if item.path != shelf.base], {})
    orphaned = next(root for root in family.roots if isinstance(root, Missing))
    assert orphaned.sha256 == items["base"].sha256
    assert names(family.children(orphaned)) == ["base-fitted", "merged", "Voice"]


def test_the_job_knows_the_base_when_no_checksum_is_there_yet(shelf: Shelf):
    items = {name: replace(item, sha256="") for name, item in shelf.items().items()}
    made = {items["base-fitted"].key: Made(job="a", kind="quantize", when=1, relation="build", base=str(shelf.base))}
    assert Family(items.values(), made).link(items["base-fitted"]).parent == items["base"]


def test_circles_are_broken():
    one, two = plain("one", sha256="1", base_sha256="2"), plain("two", sha256="2", base_sha256="1")
    family = Family([one, two], {})
    assert len(family.roots) == 1
    assert len(family.line(one)) <= 2
    selfish = plain("selfish", sha256="3", base_sha256="3")
    assert Family([selfish], {}).link(selfish) is None


def test_an_adapter_suits_its_base_and_the_builds_of_it(shelf: Shelf):
    items = shelf.items()
    family = Family(items.values(), {})
    suits = {name: family.suits(items["voice"], items[name]) for name in ("base", "base-fitted", "merged")}
    assert suits == {"base": True, "base-fitted": True, "merged": False}


def test_what_was_read_of_a_job_is_kept_until_it_goes_on(shelf: Shelf):
    job = write_job(Quantize(name="b", model=str(shelf.base)), OutputWritten(file=str(shelf.build), kind="model"))
    known: dict[tuple[str, int, int], JobFacts] = {}
    assert str(shelf.build) in job_facts(known).made
    job.recipe_file.unlink()  # were it read again, nothing would be known of it
    assert str(shelf.build) in job_facts(known).made
