"""Who pushes what, in whatever order things happen: tags never name what is not whole, and any
number of pushers end up with one truth."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot import registry
from ingot.arch import Arch, arch
from ingot.digest import Digest
from ingot.errors import MachineError, UserError
from ingot.images import KERNEL_IMAGES
from ingot.oci import Descriptor, Layout
from ingot.progress import Silent
from ingot.publish import Published, indexes, publish
from ingot.publish.shipment import KernelModules, MultiArchImage, gather
from ingot.publish.tagging import Action, action_for_immutable, action_for_series
from ingot.registry import RawManifest, Registry
from ingot.version import KernelVersion
from tests.support.shops import Shop, open_shop

TARGET = Registry("example.org/lm")
X86, ARM = arch("x86_64"), arch("arm64")

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class BrokenError(MachineError):
    """What the memory raises when it is told to break."""


class Memory:
    """A registry that is a dictionary: `tags` name documents, `blobs` holds those.

    `before` is called before each request; what it raises breaks that request.
    """

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        self.blobs: dict[str, bytes] = {}
        self.tags: dict[str, str] = {}
        self.before = before

    def read_document(self, reference: str, *, insecure: bool = False) -> RawManifest | None:
        self.before()
        digest = self.tags.get(reference)
        return RawManifest.parse(self.blobs[digest], reference) if digest else None

    def list_tags(self, repository: str, *, insecure: bool = False) -> tuple[str, ...]:
        return self.find_tags(repository) or ()

    def find_tags(self, repository: str, *, insecure: bool = False) -> tuple[str, ...] | None:
        self.before()
        begin = f"{repository}:"
        return tuple(n.removeprefix(begin) for n in sorted(self.tags) if n.startswith(begin))

    def send(
        self,
        layout: Layout,
        descriptor: Descriptor,
        reference: str,
        what: str,
        *,
        insecure: bool = False,
        on_sent: Callable[[int], None] | None = None,
    ) -> int:
        self.before()
        self._put(layout.read_blob(descriptor), reference)
        return 0

    def send_index(self, data: bytes, reference: str, what: str, *, insecure: bool = False) -> None:
        self.before()
        listed = [entry["digest"] for entry in json.loads(data)["manifests"]]
        assert listed, "an index of nothing"
        assert set(listed) <= set(self.blobs), "an index of what is not there"
        self._put(data, reference)

    def _put(self, data: bytes, reference: str) -> None:
        digest = str(Digest.of(data))
        self.blobs[digest] = data
        if "@" in reference:
            assert reference.endswith(f"@{digest}")
        else:
            self.tags[reference] = digest

    def entries(self, image: str) -> dict[str, str]:
        """What an index lists: digests by architecture."""
        document = json.loads(self.blobs[self.tags[TARGET.reference(image)]])
        return {
            entry["platform"]["architecture"]: entry["digest"] for entry in document["manifests"]
        }

    def holds(self, image: str) -> str:
        return self.tags[TARGET.reference(image)]


def one_by_one(
    work: Callable[[_Item], _Result],
    items: Sequence[_Item],
    on_done: Callable[[int], None] | None = None,
) -> list[_Result]:
    return [work(item) for item in items]


@contextlib.contextmanager
def stand_in(memory: Memory) -> Iterator[Memory]:
    """Let the memory take the place of every registry."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("read_document", "list_tags", "find_tags", "send", "send_index"):
            patch.setattr(registry, name, getattr(memory, name))
        patch.setattr(registry, "at_once", one_by_one)
        yield memory


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A store with 6.1.9 and 6.1.10, each for both arches."""
    shop = open_shop(tmp_path_factory.mktemp("shop"))
    for name in ("6.1.9", "6.1.9-arm64", "6.1.10", "6.1.10-arm64"):
        shop.put(name)
    return shop


def push(shop: Shop, *names: str) -> Published:
    return publish(shop.setting.project, [shop.kernel(name) for name in names], TARGET, Silent())


def digest_of(shop: Shop, tag: str) -> str:
    return str(shop.layout.tags()[tag].digest)


class Turns:
    """Lets two players act one after the other, in a given order while that lasts."""

    def __init__(self, order: Sequence[int]) -> None:
        self._order = list(order)
        self._gone: set[int] = set()
        self._changed = threading.Condition()
        self.player = threading.local()

    def take(self) -> None:
        """Wait until it is the turn of whoever's thread this is."""
        number: int = self.player.number
        with self._changed:
            self._changed.wait_for(lambda: self._next(number) == number)
            if self._order:
                self._order.pop(0)
            self._changed.notify_all()

    def play(self, number: int, act: Callable[[], object]) -> None:
        self.player.number = number
        try:
            act()
        finally:
            with self._changed:
                self._gone.add(number)
                self._changed.notify_all()

    def _next(self, number: int) -> int:
        while self._order and self._order[0] in self._gone:
            self._order.pop(0)
        return self._order[0] if self._order else number


def play_both(shop: Shop, order: Sequence[int], first: str, second: str) -> Memory:
    """Two machines push at once; `order` says whose request comes next."""
    turns = Turns(order)
    with stand_in(Memory(turns.take)) as memory:
        threads = [
            threading.Thread(target=turns.play, args=(number, lambda name=name: push(shop, name)))
            for number, name in enumerate((first, second))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return memory


def _order(runs: list[tuple[int, int]]) -> list[int]:
    return [player for player, length in runs for _ in range(length)]


# one machine waits while another makes many requests: that is where pushers get at odds
orders = st.builds(
    _order, st.lists(st.tuples(st.integers(0, 1), st.integers(1, 90)), min_size=2, max_size=6)
)


@settings(max_examples=60, deadline=None)
@given(orders)
def test_two_arches_end_in_one_index_in_whatever_order_things_happen(
    shop: Shop, order: list[int]
) -> None:
    memory = play_both(shop, order, "6.1.10", "6.1.10-arm64")
    for name in KERNEL_IMAGES:
        both = {
            "amd64": digest_of(shop, f"{name}:6.1.10"),
            "arm64": digest_of(shop, f"{name}:6.1.10-arm64"),
        }
        assert memory.entries(f"{name}:6.1.10") == both
        assert memory.holds(f"{name}:6.1") == memory.holds(f"{name}:6.1.10")


@settings(max_examples=60, deadline=None)
@given(orders)
def test_the_newer_of_two_versions_has_the_series_in_whatever_order_things_happen(
    shop: Shop, order: list[int]
) -> None:
    memory = play_both(shop, order, "6.1.9", "6.1.10")
    for name in KERNEL_IMAGES:
        assert memory.holds(f"{name}:6.1") == memory.holds(f"{name}:6.1.10")
        assert memory.holds(f"{name}:6.1") != memory.holds(f"{name}:6.1.9")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 150))
def test_a_push_that_breaks_anywhere_leaves_what_is_whole_and_the_next_completes_it(
    shop: Shop, survived: int
) -> None:
    names = ("6.1.10", "6.1.10-arm64")
    with stand_in(Memory()) as memory:
        push(shop, *names)
        wanted = memory.tags
    left = survived

    def count() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise BrokenError("the registry is gone")

    with stand_in(Memory(count)) as memory:
        with contextlib.suppress(BrokenError):
            push(shop, *names)
        for digest in memory.tags.values():
            listed = json.loads(memory.blobs[digest]).get("manifests", [])
            assert {entry["digest"] for entry in listed} <= set(memory.blobs)
        memory.before = lambda: None
        push(shop, *names)
        assert memory.tags == wanted
        assert not push(shop, *names).changes


def test_an_image_that_appears_under_an_immutable_tag_meanwhile_is_kept(shop: Shop) -> None:
    """Two builds of one recipe that differ, pushed at once: the one that comes later gives way."""
    foreign = b'{"schemaVersion":2,"manifests":[]}'
    fixed = f"6.1.10-{Digest.of(b'recipe of 6.1.10').short}"
    name = TARGET.reference(f"kernel-debug:{fixed}")

    def interfere() -> None:
        if len(memory.blobs) == len(KERNEL_IMAGES) and name not in memory.tags:
            memory.blobs[str(Digest.of(foreign))] = foreign
            memory.tags[name] = str(Digest.of(foreign))

    memory = Memory(interfere)
    with stand_in(memory), pytest.raises(UserError, match="under an immutable tag"):
        push(shop, "6.1.10")
    assert memory.tags[name] == str(Digest.of(foreign))
    assert not any(tag.endswith((":6.1.10", ":6.1.10-x86_64", ":6.1")) for tag in memory.tags)


@pytest.mark.parametrize("listed", [None, ()])
def test_a_list_of_tags_that_is_withheld_or_behind_lets_no_immutable_tag_move(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, listed: tuple[str, ...] | None
) -> None:
    foreign = b'{"schemaVersion":2,"manifests":[]}'
    with stand_in(Memory()) as memory:
        push(shop, "6.1.10")
        fixed = f"kernel-bin:6.1.10-{Digest.of(b'recipe of 6.1.10').short}"
        memory.blobs[str(Digest.of(foreign))] = foreign
        memory.tags[TARGET.reference(fixed)] = str(Digest.of(foreign))
        before = dict(memory.tags)
        monkeypatch.setattr(registry, "find_tags", lambda *_, **__: listed)
        with pytest.raises(UserError, match="under an immutable tag"):
            push(shop, "6.1.10")
        assert memory.tags == before


def test_pushers_that_never_agree_are_told_to_wait(shop: Shop) -> None:
    moved = 0

    def disturb() -> None:
        """Another machine moves the other arch's tag each time an index was written."""
        nonlocal moved
        tag = TARGET.reference("kernel-bin:6.1.10-arm64")
        if TARGET.reference("kernel-bin:6.1.10") in memory.tags:
            moved += 1
            document = {"schemaVersion": 2, "annotations": {"n": str(moved)}}
            data = json.dumps(document).encode()
            memory.blobs[str(Digest.of(data))] = data
            memory.tags[tag] = str(Digest.of(data))

    memory = Memory(disturb)
    with stand_in(memory), pytest.raises(MachineError, match="could not be updated"):
        push(shop, "6.1.10")


# Indexes and single tags


LINE = MultiArchImage("kernel-bin", KernelVersion.parse("6.1.10"), "-minimal")


def image(version: str = "6.1.10", name: str = "x86_64", **more: str) -> RawManifest:
    annotations = {"dev.ingot.version": version, "dev.ingot.arch": name, **more}
    document = {"schemaVersion": 2, "annotations": annotations}
    return RawManifest.parse(json.dumps(document).encode(), "test")


def index_of(version: str | None) -> RawManifest:
    annotations = {"dev.ingot.version": version} if version else {}
    document = {"schemaVersion": 2, "manifests": [], "annotations": annotations}
    return RawManifest.parse(json.dumps(document).encode(), "test")


def listed(images: dict[Arch, RawManifest | None]) -> list[str]:
    entries = indexes.assemble(LINE, images).entries
    assert entries is not None
    return [entry["platform"]["architecture"] for entry in entries]


def test_an_index_does_not_depend_on_who_asks_first() -> None:
    x86, arm = image(), image(name="arm64")
    assert indexes.assemble(LINE, {X86: x86, ARM: arm}) == indexes.assemble(
        LINE, {ARM: arm, X86: x86}
    )
    assert listed({ARM: arm, X86: x86}) == ["amd64", "arm64"]


@pytest.mark.parametrize(
    "other",
    [
        None,
        image("6.1.9", "arm64"),
        image("6.1.10", "x86_64"),
        index_of("6.1.10"),
        RawManifest.parse(b"{}", "nothing"),
        RawManifest.parse(b'{"annotations": {"dev.ingot.version": 7}}', "odd"),
        RawManifest.parse(b'{"annotations": ["dev.ingot.version"]}', "odd"),
    ],
)
def test_an_index_lists_only_images_of_its_version_and_arch(other: RawManifest | None) -> None:
    assert listed({X86: image(), ARM: other}) == ["amd64"]


def test_an_index_says_only_what_its_images_say_alike() -> None:
    titled = {"org.opencontainers.image.title": "kernel-bin"}
    own = {"org.opencontainers.image.created": "1", "dev.ingot.config": "x", "other": "y"}
    index = indexes.assemble(
        LINE,
        {
            X86: image(**titled, **own),
            ARM: image(name="arm64", **titled, **{**own, "org.opencontainers.image.created": "2"}),
        },
    )
    assert index.annotations == {"dev.ingot.version": "6.1.10", **titled}


@pytest.mark.parametrize(
    ("now", "action"),
    [
        (None, Action.NEW),
        (index_of("6.1.9"), Action.MOVED),
        (image("6.1.9"), Action.MOVED),
        (index_of("6.1.10"), Action.MOVED),  # another index of the same version
        (index_of("6.1.11"), Action.KEPT),
        (index_of(None), Action.KEPT),
        (index_of("nonsense"), Action.KEPT),
    ],
)
def test_a_series_goes_on_and_never_back(now: RawManifest | None, action: Action) -> None:
    judged = action_for_series(LINE, LINE.version, Digest.of(b"new"), now)
    assert judged.action == action
    assert judged.image == "kernel-bin:6.1-minimal"
    assert bool(judged.note) == (action == Action.KEPT)
    assert judged.digest == (now.digest if now and not action.writes else Digest.of(b"new"))


def test_an_immutable_tag_is_set_once() -> None:
    there = image()
    assert action_for_immutable("a:1", there.digest, None).action == Action.NEW
    assert action_for_immutable("a:1", there.digest, there).action == Action.SAME
    refused = action_for_immutable("a:1", Digest.of(b"new"), there)
    assert (refused.action, refused.digest) == (Action.REFUSED, there.digest)


@pytest.mark.parametrize(
    ("version", "tags"),
    [
        ("6.1.10", ["kernel-bin:6.1-f", "kernel-bin:6.1.10-f"]),
        ("7.2", ["kernel-bin:7.2-f"]),
    ],
)
def test_a_lines_tags(version: str, tags: list[str]) -> None:
    line = MultiArchImage("kernel-bin", KernelVersion.parse(version), "-f")
    arches = [f"kernel-bin:{version}-f-x86_64", f"kernel-bin:{version}-f-arm64"]
    assert line.tags == [*tags, *arches]


def test_only_versions_of_the_same_line_count_as_newer(shop: Shop, tmp_path: Path) -> None:
    with stand_in(Memory()) as memory:
        for tag, document in {
            "6.1.11": index_of("6.1.11"),
            "6.1.12-minimal": index_of("6.1.12"),
            "6.1.13-minimal": image("6.1.13"),  # one arch's image, under another's name
            "6.1.14-minimal": index_of(None),
            "6.1.15-minimal-x86_64": image("6.1.15"),
            "6.2.1-minimal": index_of("6.2.1"),
            "6.1-minimal": index_of("6.1.16"),
            "latest-minimal": index_of("6.1.17"),
        }.items():
            memory.blobs[str(document.digest)] = document.data
            memory.tags[TARGET.reference(f"kernel-bin:{tag}")] = str(document.digest)
        own = index_of("6.1.10")
        version, found = indexes.newest(LINE, own, TARGET)
        assert (str(version), found) == ("6.1.12", index_of("6.1.12"))


def test_modules_of_another_build_and_missing_ones_are_refused(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    kernel = shop.kernel("6.1.9")
    shop.put("6.1.9")
    with pytest.raises(UserError, match="does not have the out-of-tree modules 'hello'") as caught:
        gather(shop.layout, [kernel], builders=False, modules=[KernelModules(kernel, "hello")])
    assert "ingot module build DIR --kernel 6.1.9 --name hello" in caught.value.hint
    made = shop.put_modules("6.1.9")
    _, shipment = gather(
        shop.layout, [kernel], builders=False, modules=[KernelModules(kernel, "hello")]
    )
    assert shipment.name == "6.1.9-plus-hello"
    assert {part.name for part in shipment.parts} == {
        "kernel-modules:6.1.9-plus-hello-x86_64",
        "kernel-module-hello:6.1.9-x86_64",
    }
    assert {multi_arch.series_tag for multi_arch in shipment.multi_arch_images} == {
        "kernel-modules:6.1-plus-hello",
        "kernel-module-hello:6.1",
    }
    shop.put("7.2")
    shop.layout.tag({tag.replace("6.1.9", "7.2"): each for tag, each in made.items()})
    newer = shop.kernel("7.2")
    with pytest.raises(UserError, match="compiled for another build"):
        gather(shop.layout, [newer], builders=False, modules=[KernelModules(newer, "hello")])


def test_a_kernel_that_is_not_the_catalogs_never_gets_the_catalogs_tags(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    for name, suffix in (
        ("6.1.9-patched", "-patched"),
        ("6.1.9-minimal-from-mine-patched-arm64", "-minimal-from-mine-patched"),
    ):
        shop.put(name)
        (shipment,) = gather(shop.layout, [shop.kernel(name)], builders=False)
        assert shipment.name == f"6.1.9{suffix}"
        tags = {each.series_tag.partition(":")[2] for each in shipment.multi_arch_images}
        assert tags == {f"6.1{suffix}"}
