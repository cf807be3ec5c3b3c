"""Compiling modules: what make is told, what is believed of what it leaves; and their images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.builder.sandbox import Builder, Sandbox
from ingot.builder.toolchain import make_flags
from ingot.compile import run_make as making
from ingot.compile.compile_modules import compile_module
from ingot.confined_files import UnsafeFileError
from ingot.errors import BuildError, UserError
from ingot.images import layers_of, read_size_map
from ingot.images.annotations import read_config
from ingot.images.module_images import Modules, check_module_name, write_module_images
from ingot.oci import Image, list_files, read_image
from ingot.process import CommandFailedError, Result
from ingot.progress import Silent
from tests.support.digests import digest
from tests.support.kernel_images import Kernel, make_kernel

RELEASE = "6.1.176"
UPDATES = f".installed/lib/modules/{RELEASE}/updates"
GOOD = b"\x7fELF\0license=GPL\0vermagic=6.1.176 SMP mod_unload \0"


@dataclass
class Make:
    """Stands in for make in the sandbox: leaves files, or fails with some words."""

    build: Path
    leaves: dict[str, bytes] = field(default_factory=lambda: {f"{UPDATES}/hello.ko": GOOD})
    complaint: str = ""
    calls: list[list[str]] = field(default_factory=list)

    def __call__(
        self,
        argv: list[str],
        *,
        log: Path,
        on_line: Callable[[str], None] | None,
        keep_output: bool,
        inherited: Sequence[int] = (),
    ) -> Result:
        self.calls.append(argv[argv.index("--") + 1 :])
        log.write_text(self.complaint)
        if self.complaint:
            raise CommandFailedError(argv, 2, self.complaint.splitlines())
        for name, data in self.leaves.items():
            path = self.build / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return Result(0, "")


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    for name in ("root", "devel", "module"):
        (tmp_path / name).mkdir()
    builder = Builder("bookworm", digest("builder"), tmp_path / "root")
    return Sandbox(builder, tmp_path / "devel", tmp_path / "module")


@pytest.fixture
def make(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Make:
    make = Make(sandbox.build)
    monkeypatch.setattr(making, "run", make)
    return make


def compiled(sandbox: Sandbox) -> dict[str, Path]:
    log = sandbox.build.parent / "log"
    return compile_module(sandbox, arch("x86_64"), RELEASE, 86_400, log, Silent())


def failure(sandbox: Sandbox) -> BuildError:
    with pytest.raises(BuildError) as caught:
        compiled(sandbox)
    return caught.value


def test_make_is_called_as_for_the_kernel(sandbox: Sandbox, make: Make) -> None:
    assert compiled(sandbox) == {"hello.ko": sandbox.results / "updates/hello.ko"}
    assert (sandbox.results / "updates/hello.ko").read_bytes() == GOOD
    first, second = make.calls
    for words in make.calls:
        assert words[:4] == ["make", "-C", "/src", "M=/build"]
        assert "O=/build" not in words
        assert set(make_flags(arch("x86_64"))) < set(words)
        assert "KBUILD_BUILD_TIMESTAMP=Fri Jan  2 00:00:00 UTC 1970" in words
    assert first[-1] == "modules"
    assert {"modules_install", "INSTALL_MOD_DIR=updates"} < set(second)


def test_modules_in_directories_and_compressed_ones(sandbox: Sandbox, make: Make) -> None:
    make.leaves = {f"{UPDATES}/{name}": GOOD for name in ("a.ko", "net/b.ko", "c.ko.xz")}
    assert set(compiled(sandbox)) == {"a.ko", "net/b.ko", "c.ko.xz"}


def test_what_is_no_module_is_left_behind(sandbox: Sandbox, make: Make) -> None:
    names = ("modules.dep", "x.ko.sh", "a b.ko", ".wh.veth.ko", "a\nb.ko", ".hidden/a.ko", "-b.ko")
    make.leaves |= {f"{UPDATES}/{name}": GOOD for name in names}
    assert set(compiled(sandbox)) == {"hello.ko"}


def test_links_are_not_followed(sandbox: Sandbox, make: Make, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/secret.ko").write_bytes(GOOD)
    updates = sandbox.build / UPDATES
    updates.mkdir(parents=True)
    (updates / "secret.ko").symlink_to(tmp_path / "secrets/secret.ko")
    (updates / "more").symlink_to(tmp_path / "secrets")
    assert set(compiled(sandbox)) == {"hello.ko"}


@pytest.mark.parametrize("part", range(1, 6))
def test_nor_is_a_link_on_the_way_to_them(
    sandbox: Sandbox, make: Make, tmp_path: Path, part: int
) -> None:
    make.leaves = {}
    real = tmp_path / "elsewhere" / UPDATES
    real.mkdir(parents=True)
    (real / "secret.ko").write_bytes(GOOD)
    link = Path(*Path(UPDATES).parts[:part])
    (sandbox.build / link).parent.mkdir(parents=True, exist_ok=True)
    (sandbox.build / link).symlink_to(tmp_path / "elsewhere" / link)
    with pytest.raises(UnsafeFileError, match="it is a link"):
        compiled(sandbox)
    assert not list(sandbox.results.rglob("*.ko"))


def test_what_gives_no_module(sandbox: Sandbox, make: Make) -> None:
    make.leaves = {}
    error = failure(sandbox)
    assert "no module" in error.what
    assert "obj-m += NAME.o" in error.hint


@pytest.mark.parametrize(
    "data",
    [b"", b"vermagic", GOOD.replace(b"6.1.176", b"6.1.17"), GOOD.replace(b"=6", b"=\xff6")],
)
def test_a_module_of_another_release_is_refused(sandbox: Sandbox, make: Make, data: bytes) -> None:
    make.leaves = {f"{UPDATES}/hello.ko": data}
    assert failure(sandbox).what == f"hello.ko is not a module for {RELEASE}"


def test_complaints_name_files_as_the_person_knows_them(sandbox: Sandbox, make: Make) -> None:
    make.complaint = (
        "  CC [M]  /build/hello.o\n"
        "/build/hello.c:3:5: error: expected ';'\n"
        'ERROR: modpost: "nothing" [/build/hello.ko] undefined!\n'
    )
    error = failure(sandbox)
    assert error.what == "the module did not compile"
    assert error.why.splitlines() == [
        "hello.c:3:5: error: expected ';'",
        'ERROR: modpost: "nothing" [hello.ko] undefined!',
    ]


# Images


@dataclass(frozen=True)
class Written:
    kernel: Kernel
    images: dict[str, Image]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    kernel = make_kernel(tmp_path)
    base = read_image(kernel.layout, kernel.build()["kernel-modules"])
    (tmp_path / "hello.ko").write_bytes(GOOD)
    (tmp_path / "modules.dep").write_text("updates/hello.ko:\n")
    files = {"net/hello.ko": tmp_path / "hello.ko"}
    indexes = {"modules.dep": tmp_path / "modules.dep"}
    modules = Modules("hello", digest("source"), digest("devel"), files, indexes)
    tags = write_module_images(
        kernel.layout, base, kernel.facts, modules, "6.1.176-minimal", Silent()
    )
    images = {tag: read_image(kernel.layout, descriptor) for tag, descriptor in tags.items()}
    return Written(kernel, images)


def test_one_image_is_the_layer_and_one_has_it_on_top(written: Written) -> None:
    alone = written.images["kernel-module-hello:6.1.176-minimal"]
    both = written.images["kernel-modules:6.1.176-minimal-plus-hello"]
    assert len(written.images) == 2
    assert both.layers[-1:] == alone.layers
    assert len(both.layers) > 1
    files = list_files(written.kernel.layout, alone)
    assert {file.name: file.target for file in files if file.kind.value != "directory"} == {
        f"lib/modules/{RELEASE}/updates/net/hello.ko": "",
        f"lib/modules/{RELEASE}/modules.dep": "",
        "updates": f"lib/modules/{RELEASE}/updates",
        "modules.dep": f"lib/modules/{RELEASE}/modules.dep",
    }


def test_the_layer_of_added_modules_has_a_name(written: Written) -> None:
    alone = written.images["kernel-module-hello:6.1.176-minimal"]
    both = written.images["kernel-modules:6.1.176-minimal-plus-hello"]
    assert list(layers_of(alone)) == ["added-modules"]
    assert list(layers_of(both)) == ["modules", "module-links", "added-modules"]
    assert layers_of(both)["added-modules"] == layers_of(alone)["added-modules"]


def test_they_tell_of_the_kernel_and_of_the_modules(written: Written) -> None:
    for image in written.images.values():
        assert image.labels.items() >= written.kernel.facts.labels().items()
        assert image.labels["dev.ingot.module.source-digest"] == str(digest("source"))
        assert image.labels["dev.ingot.module.devel-digest"] == str(digest("devel"))
        assert image.labels["dev.ingot.module.files"] == "updates/net/hello.ko"
        size_map = read_size_map(image.annotations)
        assert size_map is not None
        assert size_map.modules["updates/net/hello.ko"] == len(GOOD)
        assert "net/veth.ko" in size_map.modules
        config = read_config(image.annotations)
        assert config is not None
        assert config.value("A") == "y"


@pytest.mark.parametrize("name", ["hello", "a-b", "a.b_c-d", "0", "x" * 60])
def test_a_good_name(name: str) -> None:
    assert check_module_name(name) == name


@pytest.mark.parametrize("name", ["", "Hello", "-a", "a-", "a--b", "a/b", "..", "x" * 61, "a\n"])
def test_a_bad_name(name: str) -> None:
    with pytest.raises(UserError, match="cannot be the name"):
        check_module_name(name)
