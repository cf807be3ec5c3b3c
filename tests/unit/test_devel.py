"""The devel tree: what modules are made of and with, and nothing that is secret."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ingot.arch import all_arches, arch
from ingot.builder.sandbox import Builder, Sandbox
from ingot.compile.devel_tree import Devel, devel_directory, devel_files
from ingot.confined_files import UnsafeFileError
from ingot.errors import BuildError
from tests.support.digests import digest

SOURCE = (
    *("Makefile", "Kbuild", "COPYING", "Kconfig", "README", "init/main.c", "certs/Makefile"),
    *("scripts/Makefile.build", "scripts/mod/modpost.c", "scripts/kconfig/conf.c"),
    *("scripts/coccinelle/x.cocci", "scripts/package/mkspec", "include/linux/module.h"),
    *("arch/x86/Makefile", "arch/x86/Makefile_32.cpu", "arch/x86/include/asm/page.h"),
    *("arch/x86/kernel/head64.c", "arch/arm64/Makefile", "arch/arm64/include/asm/page.h"),
    *("arch/arm64/kernel/module.lds", "arch/Kconfig", "tools/objtool/check.c"),
)
BUILD = (
    *("Makefile", ".config", "Module.symvers", "vmlinux", "System.map", "init/main.o"),
    *("scripts/mod/modpost", "scripts/mod/modpost.o", "scripts/mod/.modpost.cmd"),
    *("scripts/mod/devicetable-offsets.s", "scripts/module.lds", "scripts/kconfig/conf"),
    *("include/config/auto.conf", "include/config/auto.conf.cmd", "include/config/A"),
    *("include/generated/autoconf.h", "arch/x86/include/generated/asm/unistd_64.h"),
    *("tools/objtool/objtool", "tools/objtool/check.o", "tools/objtool/objtool-in.o"),
    *("certs/signing_key.pem", "certs/signing_key.x509", "certs/x509.genkey"),
    *("scripts/signing_key.pem", "scripts/own.key", "scripts/own.priv"),
)
OF_X86 = {
    *("Makefile", "Kbuild", "COPYING", ".config", "Module.symvers", "tools/objtool/objtool"),
    *("scripts/Makefile.build", "scripts/mod/modpost.c", "scripts/mod/modpost"),
    *("scripts/module.lds", "include/linux/module.h", "include/config/auto.conf"),
    *("include/config/A", "include/generated/autoconf.h"),
    *("arch/x86/Makefile", "arch/x86/Makefile_32.cpu", "arch/x86/include/asm/page.h"),
    "arch/x86/include/generated/asm/unistd_64.h",
}


def write(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{root.name} {name}")
    return root


def devel_of(source: Path, build: Path, name: str = "x86_64") -> Devel:
    builder = Builder("bookworm", digest("builder"), build)
    return devel_files(Sandbox(builder, source, build), arch(name))


def tree(source: Path, build: Path, name: str = "x86_64") -> dict[str, Path]:
    """The tree as who unpacks its image sees it: what is the kernel's own lies over the rest."""
    devel = devel_of(source, build, name)
    return {**devel.common, **devel.own}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "source", *SOURCE)


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return write(tmp_path / "build", *BUILD)


def test_it_is_what_making_modules_takes(source: Path, build: Path) -> None:
    assert set(tree(source, build)) == OF_X86


def test_another_arch_has_its_own(source: Path, build: Path) -> None:
    found = set(tree(source, build, "arm64"))
    assert {name for name in found if name.startswith("arch/")} == {
        "arch/arm64/Makefile",
        "arch/arm64/include/asm/page.h",
        "arch/arm64/kernel/module.lds",
    }


def test_what_is_common_is_the_same_for_every_config_and_arch(
    source: Path, build: Path, tmp_path: Path
) -> None:
    other = write(tmp_path / "other", ".config", "include/linux/module.h", "scripts/mod/modpost")
    common = devel_of(source, build).common
    assert {"Makefile", "scripts/mod/modpost.c", "include/linux/module.h"} <= set(common)
    assert devel_of(source, other, "arm64").common == common


def test_each_file_is_where_it_says(source: Path, build: Path) -> None:
    for name, path in tree(source, build).items():
        assert path.read_text() in (f"source {name}", f"build {name}")


def test_the_makefile_is_the_sources_and_what_both_have_the_builds(
    source: Path, build: Path
) -> None:
    """make writes a Makefile of its own, which leads back to the source, where it builds."""
    write(source, "include/config/kernel.release")
    write(build, "include/config/kernel.release")
    files = tree(source, build)
    assert files["Makefile"] == source / "Makefile"
    copied = files["include/config/kernel.release"]
    assert copied.is_relative_to(build.with_name("results"))
    assert copied.read_text() == "build include/config/kernel.release"


@pytest.mark.parametrize("name", ["certs", "signing_key", ".pem", ".key", ".priv", "genkey"])
def test_no_key_is_in_it(source: Path, build: Path, name: str) -> None:
    for each in all_arches():
        assert not [path for path in tree(source, build, each.name) if name in path]


def test_no_link_is_followed(source: Path, build: Path, tmp_path: Path) -> None:
    secrets = write(tmp_path / "secrets", "secret.h")
    (source / "include/linux/secret.h").symlink_to(secrets / "secret.h")
    (source / "scripts/dtc").mkdir()
    (source / "scripts/dtc/include-prefixes").symlink_to(secrets)
    (build / "include/more").symlink_to(secrets)
    assert set(tree(source, build)) == OF_X86


@pytest.mark.parametrize("place", ["arch", "arch/x86", "tools", "tools/objtool"])
def test_no_link_is_followed_on_the_way(
    source: Path, build: Path, tmp_path: Path, place: str
) -> None:
    secrets = write(tmp_path / "secrets", "x86/include/secret.h", "include/secret.h", "objtool")
    shutil.rmtree(build / place)
    (build / place).symlink_to(secrets)
    with pytest.raises(UnsafeFileError):
        tree(source, build)


def test_what_a_kernel_lacks_is_not_missed(tmp_path: Path) -> None:
    source, build = write(tmp_path / "source", "Makefile"), write(tmp_path / "build", ".config")
    assert set(tree(source, build)) == {"Makefile", ".config"}


def test_it_has_the_place_that_distributions_give_it() -> None:
    assert devel_directory("6.1.176") == "usr/src/linux-6.1.176"


@pytest.mark.parametrize("place", ["source", "build"])
def test_a_file_without_an_end_is_not_packed(source: Path, build: Path, place: str) -> None:
    """A sparse file takes no place in a tarball, and hours in a layer."""
    with ({"source": source, "build": build}[place] / "include/sparse.h").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(BuildError, match="bytes"):
        tree(source, build)
