"""The family tree: base → adapter → merge → build, found by checksums, by what the files say, and by the jobs that made them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from companion.core.library.item import Item
from companion.core.library.origins import Made, Relation

NOT_HERE: Final = "A model that is not here"


class Missing(msgspec.Struct, frozen=True):
    """A base that is named and is not in the library."""

    name: str
    sha256: str = ""

    @property
    def key(self) -> str:
        return f"missing:{self.sha256 or self.name}"


Member = Item | Missing


class Link(NamedTuple):
    """To what something was made of."""

    parent: Member
    relation: Relation
    adapter: Item | None = None
    """The adapter that was worked in, when it is in the library."""


class Family:
    """Who came of whom. An item has one parent at most; what would close a circle has none."""

    def __init__(self, items: Iterable[Item], made: Mapping[str, Made]) -> None:
        self.items = tuple(items)
        self.made = made
        self._by_key = {item.key: item for item in self.items}
        self._models: dict[str, Item] = {}
        for item in self.items:
            if item.kind == "model" and item.sha256:
                self._models.setdefault(item.sha256, item)
        self._links = {item.key: link for item in self.items if (link := self._link(item)) is not None}
        self._break_circles()
        self._children: dict[str, list[Item]] = {}
        for item in self.items:
            if (found := self._links.get(item.key)) is not None:
                self._children.setdefault(found.parent.key, []).append(item)

    def item(self, key: str) -> Item | None:
        return self._by_key.get(key)

    def link(self, item: Item) -> Link | None:
        """What it was made of; None for a root."""
        return self._links.get(item.key)

    def children(self, member: Member) -> tuple[Item, ...]:
        """What was made of it, builds and merges first, then adapters, each by name."""
        found = self._children.get(member.key, [])
        return tuple(sorted(found, key=lambda item: (item.kind == "adapter", item.name.casefold(), item.key)))

    def line(self, item: Item) -> tuple[Member, ...]:
        """From the oldest known ancestor down to the item itself."""
        line: list[Member] = [item]
        link = self.link(item)
        while link is not None:
            line.append(link.parent)
            link = self.link(link.parent) if isinstance(link.parent, Item) else None
        return tuple(reversed(line))

    @property
    def roots(self) -> tuple[Member, ...]:
        """Where trees begin: by name, with the bases that are not here in their place."""
        missing = {link.parent.key: link.parent for link in self._links.values() if isinstance(link.parent, Missing)}
        roots: list[Member] = [item for item in self.items if item.key not in self._links]
        return tuple(sorted([*roots, *missing.values()], key=lambda member: (member.name.casefold(), member.key)))

    def suits(self, adapter: Item, model: Item) -> bool | None:
        """Whether an adapter was trained for this model or for what it is a build of; None when that is not known."""
        if not adapter.base_sha256 or not model.sha256:
            return None if not adapter.architecture or adapter.architecture == model.architecture else False
        return adapter.base_sha256 in (model.sha256, model.base_sha256)

    def _link(self, item: Item) -> Link | None:
        made = self.made.get(item.key)
        relation = self._relation(item, made)
        if relation is None:
            return None
        adapter = self._worked_in(item, made)
        parent = self._parent(item, made, adapter)
        return Link(parent, relation, adapter) if parent is not None else None

    def _parent(self, item: Item, made: Made | None, adapter: Item | None) -> Member | None:
        """By the checksum it names, by the path its job knew, by the base of the adapter that was worked in, by name."""
        sha256 = item.base_sha256 if item.base_sha256 != item.sha256 else ""
        if sha256 in self._models:
            return self._models[sha256]
        name = made.base.replace("\\", "/").rpartition("/")[2] if made is not None else ""
        if made is not None and made.base in self._by_key:
            return self._by_key[made.base]
        if not sha256 and adapter is not None:
            sha256, name = adapter.base_sha256, name or adapter.base_name
            if sha256 in self._models:
                return self._models[sha256]
        name = item.base_name or name
        return Missing(name or NOT_HERE, sha256) if name or sha256 else None

    def _relation(self, item: Item, made: Made | None) -> Relation | None:
        if item.kind == "adapter":
            return "adapter"
        if made is not None and made.relation:
            return made.relation
        if item.merged_adapter:
            return "merge"
        return "build" if item.base_sha256 else None

    def _worked_in(self, item: Item, made: Made | None) -> Item | None:
        if made is not None and made.adapter:
            return self._by_key.get(made.adapter)
        named = [other for other in self.items if other.kind == "adapter" and other.name == item.merged_adapter]
        return named[0] if item.merged_adapter and len(named) == 1 else None

    def _break_circles(self) -> None:
        """Files can claim anything: a link that leads back to its own item is dropped."""
        for item in self.items:
            seen, link = {item.key}, self._links.get(item.key)
            while link is not None and isinstance(link.parent, Item):
                if link.parent.key in seen:
                    del self._links[item.key]
                    break
                seen.add(link.parent.key)
                link = self._links.get(link.parent.key)
