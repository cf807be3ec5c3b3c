"""Where release, command line and names of images come from."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from ingot.errors import UserError
from ingot.images import BASE, BIN, MODULES
from ingot.oci import Layout
from ingot.specs import find_spec_kernel, make_spec, platform_named
from ingot.specs.spec_kernel import full_name
from tests.support.shops import open_shop
from tests.support.spec_kernels import REGISTRY, build, kernel


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "images")


def test_what_is_not_built_is_as_the_catalog_says(layout: Layout) -> None:
    found = find_spec_kernel(layout, kernel("6.12-arm64"), REGISTRY)
    assert found.release == "6.12.107"
    assert found.command_line == kernel("6.12-arm64").arch.command_line
    assert found.store is None
    assert not layout.root.exists()
    spec = make_spec(platform_named("firecracker"), found)
    assert "is not built here" in spec.notes[0]
    pull = f"ingot pull {REGISTRY}/flintlock-kernel:6.12.107 --arch arm64 --to kernel"
    assert pull in spec.steps[0]


@pytest.mark.parametrize("platform", ["flintlock", "capmvm", "containerd"])
def test_what_is_not_built_is_built_before_it_is_pushed(layout: Layout, platform: str) -> None:
    push = f"ingot push 6.1.176 --registry {REGISTRY}"
    (step, *_) = make_spec(
        platform_named(platform), find_spec_kernel(layout, kernel("6.1"), REGISTRY)
    ).steps
    assert step.endswith(f": ingot build 6.1.176 && {push}")
    build(layout, kernel("6.1"))
    (step, *_) = make_spec(
        platform_named(platform), find_spec_kernel(layout, kernel("6.1"), REGISTRY)
    ).steps
    assert step.endswith(f": {push}")
    assert "ingot build" not in step


def test_what_is_built_speaks_for_itself(layout: Layout) -> None:
    build(layout, kernel("6.1"), release="6.1.176-mine", command_line="quiet mine=1")
    found = find_spec_kernel(layout, kernel("6.1"), REGISTRY)
    assert (found.release, found.command_line) == ("6.1.176-mine", "quiet mine=1")
    assert found.store == layout.root
    spec = make_spec(platform_named("firecracker"), found)
    assert "flintlock-kernel:6.1.176 in the store" in spec.notes[0]
    assert spec.steps[0].endswith("ingot export 6.1.176 --to kernel")


@pytest.mark.parametrize("images", [(BASE,), (BASE, BIN), (BIN, MODULES)])
def test_what_is_built_in_part_is_not_built(layout: Layout, images: tuple[str, ...]) -> None:
    build(layout, kernel("6.1"), release="6.1.176-mine", images=images)
    assert find_spec_kernel(layout, kernel("6.1"), REGISTRY).release == "6.1.176"


def test_another_flavor_or_arch_is_another_kernel(layout: Layout) -> None:
    build(layout, kernel("6.1-minimal"), release="6.1.176-mine")
    for name in ("6.1", "6.1-minimal-arm64", "6.1-minimal-with-bpf"):
        assert find_spec_kernel(layout, kernel(name), REGISTRY).store is None


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("6.1", "6.1.176"),
        ("6.1-arm64", "6.1.176"),
        ("6.1-minimal-arm64", "6.1.176-minimal"),
        ("6.1-with-bpf-without-storage-arm64", "6.1.176-with-bpf-without-storage"),
    ],
)
def test_a_registrys_tag_is_for_every_arch(layout: Layout, name: str, tag: str) -> None:
    found = find_spec_kernel(layout, kernel(name), REGISTRY)
    assert dict(found.references) == {
        image: f"{REGISTRY}/{image}:{tag}" for image in (BASE, BIN, MODULES)
    }


def test_pinned_images_are_named_by_their_digests(layout: Layout) -> None:
    built = build(layout, kernel("6.1-minimal"))
    found = find_spec_kernel(layout, kernel("6.1-minimal"), REGISTRY, pin=True)
    assert dict(found.references) == {
        image: f"{REGISTRY}/{image}@{descriptor.digest}" for image, descriptor in built.items()
    }
    for name in ("flintlock", "capmvm", "containerd"):
        snippet = make_spec(platform_named(name), found).snippet
        assert f"kernel-bin@{built[BIN].digest}" in snippet
        assert f"kernel-modules@{built[MODULES].digest}" in snippet
    old = make_spec(platform_named("flintlock", legacy=True), found).snippet
    assert f"flintlock-kernel@{built[BASE].digest}" in old
    (get, *_) = make_spec(platform_named("firecracker"), found).steps
    assert f"ingot pull {REGISTRY}/flintlock-kernel@{built[BASE].digest}" in get


def test_what_is_not_built_cannot_be_pinned(layout: Layout) -> None:
    with pytest.raises(UserError) as caught:
        find_spec_kernel(layout, kernel("6.1-minimal"), REGISTRY, pin=True)
    assert caught.value.hint == "build it first: ingot build 6.1.176-minimal"


@pytest.mark.parametrize(
    ("release", "line"),
    [
        ("6.1.176/../../etc", "quiet"),
        ("6.1.176\n", "quiet"),
        ("..", "quiet"),
        ("", "quiet"),
        ("6.1 176", "quiet"),
        ("$(reboot)", "quiet"),
        ("6.1.176", "quiet\nrm -rf /"),
        ("6.1.176", "qui\x1b[2Jet"),
        ("6.1.176", "ä"),
    ],
)
def test_labels_that_no_kernel_has_are_refused(layout: Layout, release: str, line: str) -> None:
    build(layout, kernel("6.1"), release=release, command_line=line)
    with pytest.raises(UserError, match="is not an image of a kernel"):
        find_spec_kernel(layout, kernel("6.1"), REGISTRY)


def test_an_image_of_something_else_is_refused(layout: Layout) -> None:
    build(layout, kernel("6.1"), labels=False)
    with pytest.raises(UserError, match="is not an image of a kernel"):
        find_spec_kernel(layout, kernel("6.1"), REGISTRY)


def test_containerd_imports_from_the_store(layout: Layout) -> None:
    row = platform_named("containerd")
    assert "skopeo" not in make_spec(row, find_spec_kernel(layout, kernel("6.1"), REGISTRY)).snippet
    build(layout, kernel("6.1-arm64"))
    snippet = make_spec(row, find_spec_kernel(layout, kernel("6.1-arm64"), REGISTRY)).snippet
    lines = [shlex.split(line[1:]) for line in snippet.splitlines() if line.startswith("# ")]
    assert [
        "skopeo",
        "copy",
        f"oci:{layout.root}:kernel-bin:6.1.176-arm64",
        f"oci-archive:kernel-bin.tar:{REGISTRY}/kernel-bin:6.1.176",
    ] in lines
    assert ["ctr", "images", "import", "--platform", "linux/arm64", "kernel-bin.tar"] in lines


def test_a_directory_that_no_comment_can_name_is_not_named(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "a\nreboot" / "images")
    build(layout, kernel("6.1"))
    snippet = make_spec(
        platform_named("containerd"), find_spec_kernel(layout, kernel("6.1"), REGISTRY)
    ).snippet
    assert "reboot" not in snippet


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("docker.io/foobar", "docker.io/foobar"),
        ("docker.io/foobar/", "docker.io/foobar"),
        ("foobar", "docker.io/foobar"),
        ("foobar/kernels", "docker.io/foobar/kernels"),
        ("localhost", "localhost"),
        ("localhost:5000/a/b_c.d--e", "localhost:5000/a/b_c.d--e"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("[::1]:5000/a", "[::1]:5000/a"),
        ("registry.example:443", "registry.example:443"),
    ],
)
def test_registries_are_named_as_images_begin(text: str, name: str) -> None:
    assert full_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "https://ghcr.io/foobar",
        "ghcr.io/Foobar",
        "ghcr.io//foobar",
        "ghcr.io/foo bar",
        "ghcr.io/foobar:6.1",
        "ghcr.io/a;reboot",
        "ghcr.io/a\n",
        "ghcr.io/-a",
        "::1",
        "ghcr.io:port/a",
    ],
)
def test_what_no_image_can_begin_with_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is not a name of a registry"):
        full_name(text)


def test_out_of_tree_modules_are_mounted_in_place_of_the_kernels_own(tmp_path: Path) -> None:
    shop = open_shop(tmp_path)
    built = shop.kernel("6.1.9")
    unknown = find_spec_kernel(shop.layout, built, REGISTRY, modules="hello")
    pull = make_spec(platform_named("firecracker"), unknown).steps[0]
    assert pull.endswith(
        f"ingot pull {REGISTRY}/kernel-modules:6.1.9-plus-hello --arch x86_64 --to modules"
    )
    shop.put("6.1.9")
    with pytest.raises(UserError, match="but not its modules 'hello'"):
        find_spec_kernel(shop.layout, built, REGISTRY, modules="hello")
    made = shop.put_modules("6.1.9")
    found = find_spec_kernel(shop.layout, built, REGISTRY, modules="hello")
    assert found.references[MODULES] == f"{REGISTRY}/kernel-modules:6.1.9-plus-hello"
    assert found.references[BIN] == f"{REGISTRY}/kernel-bin:6.1.9"
    spec = make_spec(platform_named("flintlock"), found)
    assert "kernel-modules:6.1.9-plus-hello" in spec.snippet
    assert "ingot push 6.1.9-plus-hello" in spec.steps[0] + spec.steps[1]
    firecracker = make_spec(platform_named("firecracker"), found)
    assert "ingot export 6.1.9-plus-hello" in firecracker.steps[0]
    pinned = find_spec_kernel(shop.layout, built, REGISTRY, pin=True, modules="hello")
    assert str(made["kernel-modules:6.1.9-plus-hello"].digest) in pinned.references[MODULES]
    with pytest.raises(UserError, match=r"Flintlock before 0\.5\.0 cannot use 6\.1\.9-plus-hello"):
        make_spec(platform_named("flintlock", legacy=True), found)
