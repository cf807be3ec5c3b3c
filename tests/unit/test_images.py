"""The images of a kernel: what they hold, what they say, and how they are found again."""

from __future__ import annotations

import base64
import dataclasses
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.arch import all_arches
from ingot.digest import Digest
from ingot.errors import UserError
from ingot.images import (
    BASE,
    BIN,
    DEVEL,
    KERNEL_IMAGES,
    MODULES,
    KernelLabels,
    find_images,
    read_config,
    read_facts,
    read_packages,
    read_size_map,
    tags_for,
)
from ingot.images.annotations import pack
from ingot.images.write_images import read_devel_host
from ingot.kconfig import Config
from ingot.oci import Descriptor, Layout, list_files, read_file, read_image, validate_layout
from ingot.version import KernelVersion
from tests.support.digests import digest
from tests.support.kernel_images import CONFIG, RELEASE, SIZE_MAP, VERSION, X86, Kernel, make_kernel

releases = st.from_regex(r"[0-9][A-Za-z0-9_.+~-]{0,63}", fullmatch=True)
command_lines = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=2047)
digests = st.builds(Digest.of, st.binary(max_size=4))
facts_strategy = st.builds(
    KernelLabels,
    version=st.just("6.1.176"),
    release=releases,
    arch=st.sampled_from([row.name for row in all_arches()]),
    recipe_key=digests,
    config_digest=digests,
    source_digest=digests,
    builder_digest=digests,
    command_line=command_lines,
)


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return make_kernel(tmp_path)


def held(kernel: Kernel, descriptor: Descriptor) -> list[str]:
    image = read_image(kernel.layout, descriptor)
    return [
        info.name for info in list_files(kernel.layout, image) if info.kind.value != "directory"
    ]


# Facts


@given(facts_strategy)
def test_facts_survive_being_labels(facts: KernelLabels) -> None:
    assert KernelLabels.from_labels(facts.labels()) == facts


@given(facts_strategy)
def test_labels_have_one_prefix_and_say_how_to_use_the_image(facts: KernelLabels) -> None:
    labels = facts.labels()
    assert all(name.startswith("dev.ingot.") for name in labels)
    assert labels["dev.ingot.series"] == "6.1"
    assert labels["dev.ingot.filename"] == "boot/vmlinux"
    assert labels["dev.ingot.mount-path"] == f"/lib/modules/{facts.release}"


def test_the_facts_are_those_of_source_builder_and_artifacts(kernel: Kernel) -> None:
    assert kernel.facts == KernelLabels(
        version="6.1.176",
        release=RELEASE,
        arch="x86_64",
        recipe_key=digest("recipe"),
        config_digest=digest(CONFIG),
        source_digest=digest("source"),
        builder_digest=digest("builder"),
        command_line=X86.command_line,
    )


def test_labels_of_something_else_are_no_facts() -> None:
    assert KernelLabels.from_labels({}) is None
    assert KernelLabels.from_labels({"dev.ingot.builder.spec": "x"}) is None


def test_labels_without_the_prefix_are_somebody_elses(kernel: Kernel) -> None:
    labels = {n.removeprefix("dev.ingot."): v for n, v in kernel.facts.labels().items()}
    assert KernelLabels.from_labels(labels) is None


def test_labels_of_another_ingot_that_lack_one_are_no_facts(kernel: Kernel) -> None:
    labels = kernel.facts.labels()
    del labels["dev.ingot.command-line"]
    assert KernelLabels.from_labels(labels) is None


GOOD = KernelLabels(
    version="6.1.176",
    release="6.1.176-mine+",
    arch="x86_64",
    recipe_key=digest("recipe"),
    config_digest=digest("config"),
    source_digest=digest("source"),
    builder_digest=digest("builder"),
    command_line="quiet",
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("release", "../../../etc"),
        ("release", "6.1.176/../../etc"),
        ("release", "/etc"),
        ("release", ".."),
        ("release", ""),
        ("release", "6.1.176\n"),
        ("release", "6.1.176\0"),
        ("release", "6.1 176"),
        ("release", "6.1.176\x1b[2J"),
        ("release", "[/x]"),
        ("release", "6" * 65),
        ("release", "\uff16.1"),
        ("version", "6.1.176/.."),
        ("version", "6.1.0"),
        ("version", "\u0666.1"),
        ("version", ""),
        ("arch", "../x86"),
        ("arch", "amd64"),
        ("arch", ""),
        ("recipe-key", "0" * 64),
        ("config-digest", "sha256:../../x"),
        ("source-digest", "sha512:" + "0" * 128),
        ("builder-digest", "sha256:" + "A" * 64),
        ("command-line", "quiet\nreboot"),
        ("command-line", "qui\x1b[2Jet"),
        ("command-line", "ä"),
        ("command-line", "x" * 2048),
        ("mount-path", "/etc"),
        ("mount-path", "/lib/modules/6.1.176"),
        ("filename", "../../etc/passwd"),
        ("filename", "boot/vmlinuz"),
        ("series", "5.10"),
        ("hermetic", "perhaps"),
    ],
)
def test_labels_that_no_kernel_has_are_an_error_that_names_them(name: str, text: str) -> None:
    labels = {**GOOD.labels(), f"dev.ingot.{name}": text}
    with pytest.raises(UserError) as caught:
        KernelLabels.from_labels(labels)
    assert caught.value.what
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "change", [{"release": "../x"}, {"version": "six"}, {"arch": "sparc"}, {"command_line": "\n"}]
)
def test_there_are_no_facts_with_a_bad_value(change: dict[str, str]) -> None:
    with pytest.raises(UserError):
        dataclasses.replace(GOOD, **change)  # type: ignore[arg-type]


def test_labels_of_before_that_lack_what_follows_from_others_are_facts() -> None:
    labels = GOOD.labels()
    for name in ("series", "hermetic", "filename", "mount-path"):
        del labels[f"dev.ingot.{name}"]
    assert KernelLabels.from_labels(labels) == GOOD


# Writing


def test_each_image_holds_what_its_name_says(kernel: Kernel) -> None:
    images = kernel.write()
    modules = [f"lib/modules/{RELEASE}/kernel/net/veth.ko", f"lib/modules/{RELEASE}/modules.dep"]
    assert held(kernel, images[BIN]) == ["boot/vmlinux"]
    assert held(kernel, images[BASE]) == [f"boot/config-{RELEASE}", "boot/vmlinux", *modules]
    assert held(kernel, images[MODULES]) == ["kernel", *modules, "modules.dep"]


def test_the_modules_image_can_be_mounted_where_modprobe_looks(kernel: Kernel) -> None:
    image = read_image(kernel.layout, kernel.write()[MODULES])
    links = {i.name: i.target for i in list_files(kernel.layout, image) if i.target}
    assert links == {
        "kernel": f"lib/modules/{RELEASE}/kernel",
        "modules.dep": f"lib/modules/{RELEASE}/modules.dep",
    }


def test_the_devel_image_is_a_tree_to_make_modules_in(kernel: Kernel) -> None:
    image = read_image(kernel.layout, kernel.write()[DEVEL])
    tree = f"usr/src/linux-{RELEASE}"
    files = list_files(kernel.layout, image)
    assert {i.name: (i.mode, i.target) for i in files if i.kind.value != "directory"} == {
        f"{tree}/.config": (0o644, ""),
        f"{tree}/Makefile": (0o644, ""),
        f"{tree}/scripts/mod/modpost": (0o755, ""),
        f"lib/modules/{RELEASE}/build": (0o777, f"/{tree}"),
    }


def test_kernels_of_one_source_share_most_of_their_devel_images(tmp_path: Path) -> None:
    one, other = make_kernel(tmp_path), make_kernel(tmp_path, with_modules=False)
    (other.artifacts.config).write_text("CONFIG_B=y\n")
    images = [read_image(kernel.layout, kernel.write()[DEVEL]) for kernel in (one, other)]
    first, second = ([layer.descriptor.digest for layer in image.layers] for image in images)
    assert first[0] == second[0]
    assert first[1] != second[1]
    # what is its own goes over what is common
    config = read_file(one.layout, images[0], f"usr/src/linux-{RELEASE}/.config")
    assert config.decode() == CONFIG


def test_the_devel_image_alone_tells_what_its_programs_run_on(kernel: Kernel) -> None:
    images = {name: read_image(kernel.layout, d) for name, d in kernel.write().items()}
    assert {name: read_devel_host(image) for name, image in images.items()} == {
        **dict.fromkeys(KERNEL_IMAGES, ""),
        DEVEL: "arm64",
    }
    assert images[DEVEL].annotations["dev.ingot.devel.host"] == "arm64"


def test_kernel_and_modules_are_stored_once(kernel: Kernel) -> None:
    images = {name: read_image(kernel.layout, d) for name, d in kernel.write().items()}
    base = {layer.descriptor.digest for layer in images[BASE].layers}
    assert {layer.descriptor.digest for layer in images[BIN].layers} <= base
    assert images[MODULES].layers[0].descriptor.digest in base
    assert len(images[BIN].layers) == 1


def test_the_kernel_in_the_image_is_the_one_compiled(kernel: Kernel) -> None:
    image = read_image(kernel.layout, kernel.write()[BIN])
    assert read_file(kernel.layout, image, "boot/vmlinux") == b"kernel of recipe"


def test_every_image_says_what_it_was_cut_from(kernel: Kernel) -> None:
    for name, descriptor in kernel.build().items():
        image = read_image(kernel.layout, descriptor)
        assert read_facts(image) == kernel.facts
        assert image.annotations["org.opencontainers.image.title"] == name
        assert image.annotations["dev.ingot.recipe-key"] == str(kernel.facts.recipe_key)
        assert image.annotations["org.opencontainers.image.created"] == "1970-01-02T00:00:00Z"
        assert str(image.platform) == "linux/amd64"
        assert image.created == 86_400
    assert validate_layout(kernel.layout) == []


def test_the_same_kernel_gives_the_same_images_anywhere(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two" / "deeper").mkdir(parents=True)
    one = make_kernel(tmp_path / "one").write()
    two = make_kernel(tmp_path / "two" / "deeper").write()
    assert one == two


def test_a_kernel_without_modules_has_all_images_too(tmp_path: Path) -> None:
    kernel = make_kernel(tmp_path, with_modules=False)
    images = kernel.build()
    assert held(kernel, images[MODULES]) == []
    assert held(kernel, images[BASE]) == [f"boot/config-{RELEASE}", "boot/vmlinux"]
    assert find_images(kernel.layout, VERSION, kernel.facts.recipe_key) is not None


# The config on the way


def test_every_image_carries_the_options_that_are_on(kernel: Kernel) -> None:
    for descriptor in kernel.write().values():
        image = read_image(kernel.layout, descriptor)
        assert read_config(image.annotations) == Config('CONFIG_A=y\nCONFIG_C="ä"\n')
        assert "dev.ingot.config" not in image.labels  # tools copy labels, and bound their length


def test_an_image_of_somebody_else_carries_none() -> None:
    assert read_config({"org.opencontainers.image.title": "kernel"}) is None


@pytest.mark.parametrize(
    "packed", ["!", "AAAA", base64.b64encode(gzip.compress(b"\xff", mtime=0)).decode()]
)
def test_an_annotation_that_is_no_config_is_refused(packed: str) -> None:
    with pytest.raises(UserError, match="not a kernel's config"):
        read_config({"dev.ingot.config": packed})


@pytest.mark.parametrize(
    "text",
    [
        "CONFIG_A=y\n# a comment\n",
        "CONFIG_A=y\n\nCONFIG_B=y\n",
        "CONFIG_A=y\x1b[2J\n",
        "CONFIG_A=\u2028CONFIG_B=y\n",
        "CONFIG_A=y\x85CONFIG_B=y\n",
        "CONFIG_[/x]=y\n",
        "CONFIG_A\n",
        "A=y\n",
        "CONFIG_A=" + "x" * 20_001,
    ],
)
def test_lines_that_are_no_options_are_refused(text: str) -> None:
    packed = base64.b64encode(gzip.compress(text.encode())).decode()
    with pytest.raises(UserError, match="not a kernel's config"):
        read_config({"dev.ingot.config": packed})


@pytest.mark.parametrize("text", ["gcc=12\n\n", "gcc=12\x1b[2J\n", "x" * 1001, "a\rb\n"])
def test_lines_that_are_no_packages_are_refused(text: str) -> None:
    packed = base64.b64encode(gzip.compress(text.encode())).decode()
    with pytest.raises(UserError, match="not a list of packages"):
        read_packages({"dev.ingot.builder-packages": packed})


def test_packages_come_back_as_they_went() -> None:
    told = pack(Config(CONFIG), SIZE_MAP, ["gcc-12:amd64=12.2.0-14+deb12u1", "tool=GNU ld 2.40"])
    assert read_packages(told) == ("gcc-12:amd64=12.2.0-14+deb12u1", "tool=GNU ld 2.40")
    assert read_config(told) == Config('CONFIG_A=y\nCONFIG_C="ä"\n')
    assert read_packages(pack(Config(""), SIZE_MAP, [])) == ()


def test_a_bomb_in_the_annotation_is_refused() -> None:
    packed = base64.b64encode(gzip.compress(bytes(8 << 20))).decode()
    with pytest.raises(UserError, match="more than"):
        read_config({"dev.ingot.config": packed})


# The size map in an annotation


def packed(data: bytes) -> dict[str, str]:
    return {"dev.ingot.makeup": base64.b64encode(gzip.compress(data, mtime=0)).decode()}


def test_every_image_says_where_its_kernels_bytes_go(kernel: Kernel) -> None:
    for descriptor in kernel.write().values():
        image = read_image(kernel.layout, descriptor)
        assert read_size_map(image.annotations) == SIZE_MAP
        assert "dev.ingot.makeup" not in image.labels


def test_the_size_map_is_canonical_json(kernel: Kernel) -> None:
    image = read_image(kernel.layout, kernel.write()[BIN])
    told = gzip.decompress(base64.b64decode(image.annotations["dev.ingot.makeup"]))
    assert told == b'{"kernel":{"":7,"net/core":9},"modules":{"net/veth.ko":14}}'


def test_an_image_of_before_has_no_size_map() -> None:
    assert read_size_map({"dev.ingot.config": "x"}) is None


@pytest.mark.parametrize(
    "annotations",
    [
        {"dev.ingot.makeup": "!"},
        {"dev.ingot.makeup": "ä"},
        {"dev.ingot.makeup": "AAAA"},
        {"dev.ingot.makeup": ""},
        packed(b""),
        packed(b"\xff"),
        packed(b"[]"),
        packed(b'{"kernel":{},"modules":{"a":NaN}}'),
        packed(b'{"kernel":{},"modules":{"a":' + b"9" * 100_000 + b"}}"),
        packed(b"[" * 1_000_000),
        packed(b'{"kernel":{},"kernel":{},"modules":{}}'),
        packed(b'{"kernel":{"a\\u001b":1},"modules":{}}'),
        packed(bytes(8 << 20)),
    ],
)
def test_an_annotation_that_is_not_a_size_map_is_refused(annotations: dict[str, str]) -> None:
    with pytest.raises(UserError, match="not a kernel's size map"):
        read_size_map(annotations)


# Tags, and finding again


def test_each_image_has_a_tag_that_moves_and_one_that_does_not(kernel: Kernel) -> None:
    images = kernel.write()
    tags = tags_for(images, kernel.facts, "6.1.176-minimal")
    short = kernel.facts.recipe_key.hex[:12]
    assert tags == {
        f"{name}:{tag}": images[name]
        for name in (
            *("flintlock-kernel", "kernel-bin", "kernel-modules"),
            *("kernel-debug", "kernel-devel"),
        )
        for tag in ("6.1.176-minimal", f"6.1.176-{short}")
    }


def test_images_are_found_by_their_recipe(kernel: Kernel) -> None:
    images = kernel.build()
    found = find_images(kernel.layout, VERSION, kernel.facts.recipe_key)
    assert found is not None
    assert {n: d.descriptor.digest for n, d in found.items()} == {
        n: d.digest for n, d in images.items()
    }


def test_an_older_recipe_is_found_after_the_version_moved_on(tmp_path: Path) -> None:
    old, new = make_kernel(tmp_path, "old"), make_kernel(tmp_path, "new")
    old_images = old.build()
    new.build()
    found = find_images(old.layout, VERSION, old.facts.recipe_key)
    assert found is not None
    assert found[BIN].descriptor.digest == old_images[BIN].digest


def test_nothing_is_found_in_an_empty_store(tmp_path: Path) -> None:
    assert find_images(Layout(tmp_path / "images"), VERSION, digest("recipe")) is None
    assert not (tmp_path / "images").exists()


@pytest.mark.parametrize("name", KERNEL_IMAGES)
def test_all_images_must_be_there(kernel: Kernel, name: str) -> None:
    kernel.build()
    kernel.layout.untag([f"{name}:6.1.176-{kernel.facts.recipe_key.short}"])
    assert find_images(kernel.layout, VERSION, kernel.facts.recipe_key) is None


def test_untagged_images_are_not_found(kernel: Kernel) -> None:
    kernel.write()
    assert find_images(kernel.layout, VERSION, kernel.facts.recipe_key) is None


def test_a_key_that_only_begins_the_same_is_another_recipe(kernel: Kernel) -> None:
    kernel.build()
    key = kernel.facts.recipe_key
    similar = Digest(key.hex[:-1] + ("0" if key.hex[-1] != "0" else "1"))
    assert similar.short == key.short
    assert find_images(kernel.layout, VERSION, similar) is None


def test_another_version_is_not_found(kernel: Kernel) -> None:
    kernel.build()
    other = KernelVersion.parse("6.1.175")
    assert find_images(kernel.layout, other, kernel.facts.recipe_key) is None


def test_an_image_under_the_tag_of_another_recipe_is_not_taken_for_it(tmp_path: Path) -> None:
    kernel = make_kernel(tmp_path)
    images = kernel.write()
    lying = dataclasses.replace(kernel.facts, recipe_key=digest("other"))
    kernel.layout.tag(tags_for(images, lying, "6.1.176"))
    assert find_images(kernel.layout, VERSION, digest("other")) is None
