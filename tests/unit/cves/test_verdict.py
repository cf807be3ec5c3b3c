"""The verdict on a CVE by its files, and lists of compiled files that are refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.compiled_files import CompiledFiles
from ingot.cves.answer import require_compiled
from ingot.cves.renames import origins, other_names
from ingot.cves.verdict import Cause, CompiledIndex, Status, Verdict, guess, judge_files
from ingot.errors import UserError
from tests.support.cve_records import compiled_files

MODULE = "kernel/fs/smb/client/cifs.ko"


def judged(files: Sequence[str], *, not_compiled: Sequence[str] = ()) -> Verdict:
    """The verdict for a kernel with a few files; `not_compiled` are the tree's other files."""
    compiled = compiled_files(
        ["net/core/dev.c", "include/linux/skbuff.h", "kernel/sched/core.c", "mm/mmap.c"],
        {MODULE: ["fs/smb/client/file.c", "include/linux/skbuff.h"]},
        ["drivers/net/tun.c", "include/linux/if_tun.h", "fs/cifs/dfs.c", *not_compiled],
    )
    return judge_files(files, CompiledIndex(compiled))


def test_a_compiled_file_means_affected() -> None:
    assert judged(["drivers/net/tun.c", "net/core/dev.c", "drivers/net/gone.c"]) == Verdict(
        Status.AFFECTED, Cause.COMPILED, ("net/core/dev.c",), ("vmlinux",)
    )


def test_a_file_of_a_module_means_affected_and_the_module_is_named() -> None:
    found = judged(["fs/smb/client/file.c"])
    assert (found.status, found.compiled_into) == (Status.AFFECTED, (MODULE,))


def test_an_included_header_means_affected() -> None:
    found = judged(["include/linux/skbuff.h", "drivers/net/tun.c"])
    assert (found.status, found.cause) == (Status.AFFECTED, Cause.INCLUDED)
    assert found.compiled_into == ("vmlinux", MODULE)


def test_files_that_are_there_and_not_compiled_mean_not_affected() -> None:
    files = ("drivers/net/tun.c", "include/linux/if_tun.h")
    assert judged(files) == Verdict(Status.NOT_AFFECTED, Cause.NOT_COMPILED, files)


def test_a_reason_names_the_options_that_are_off() -> None:
    compiled = dataclasses.replace(
        compiled_files(not_compiled=["drivers/net/tun.c", "drivers/net/tap.c", "a.h"]),
        switched_off={"drivers/net/tun.c": "TUN", "drivers/net/tap.c": "TAP"},
    )
    found = judge_files(["drivers/net/tun.c", "a.h"], CompiledIndex(compiled))
    assert (found.status, found.cause) == (Status.NOT_AFFECTED, Cause.NOT_COMPILED)
    assert found.options == ("CONFIG_TUN",)
    found = judge_files(["drivers/net/tun.c", "drivers/net/tap.c"], CompiledIndex(compiled))
    assert found.options == ("CONFIG_TUN", "CONFIG_TAP")
    assert judge_files(["a.h"], CompiledIndex(compiled)).options == ()


def test_a_module_that_was_not_installed_is_not_in_the_kernel() -> None:
    compiled = dataclasses.replace(
        compiled_files(not_compiled=["drivers/net/tun.c", "a.c"]),
        left_out=frozenset({"drivers/net/tun.c"}),
    )
    index = CompiledIndex(compiled)
    for files in (["drivers/net/tun.c"], ["a.c", "drivers/net/tun.c"]):
        found = judge_files(files, index)
        assert (found.status, found.cause) == (Status.NOT_AFFECTED, Cause.LEFT_OUT)
    assert judge_files(["drivers/net/tun.c", "gone.c"], index).status is Status.UNDECIDED
    assert judge_files(["drivers/net/tun.c", "net/core/dev.c"], index).status is Status.AFFECTED


def test_a_missing_file_decides_nothing() -> None:
    found = judged(["drivers/net/tun.c", "drivers/net/gone.c"])
    assert (found.status, found.cause) == (Status.UNDECIDED, Cause.MISSING)
    assert found.files == ("drivers/net/gone.c",)


def test_no_file_decides_nothing() -> None:
    assert judged([]).status is Status.UNDECIDED
    assert judged(["Documentation/x.rst", "MAINTAINERS"]).status is Status.UNDECIDED


@pytest.mark.parametrize(
    "file",
    [
        "Makefile",
        "net/core/Makefile",
        "drivers/net/Kconfig",
        "arch/x86/Kconfig",
        "arch/x86/kernel/vmlinux.lds.S",
        "arch/x86/boot/dts/x.dts",
        "arch/x86/tools/relocs.c",
        "drivers/net/phy/x.rs",
        "drivers/net/table.inc",
        "include/uapi/linux/x.yaml",
        "scripts/kallsyms.c",
        "scripts/mod/modpost.h",
        "tools/objtool/check.c",
        "usr/gen_init_cpio.c",
        "lib/gen_crc32table.c",
        "arch/x86/entry/vdso/vdso2c.h",
        "arch/x86/crypto/x.pl",
        "no-suffix",
    ],
)
def test_a_file_whose_effects_are_not_shown_decides_nothing(file: str) -> None:
    found = judged(["drivers/net/tun.c", file], not_compiled=[file])
    assert (found.status, found.cause, found.files) == (
        Status.UNDECIDED,
        Cause.NOT_SHOWN,
        (file,),
    )


@pytest.mark.parametrize(
    "file", ["arch/arm64/Kconfig", "arch/arm/boot/dts/x.dtsi", "arch/riscv/kernel/entry.S"]
)
def test_what_belongs_to_another_architecture_is_not_compiled(file: str) -> None:
    for there in ([file], []):
        found = judged([file], not_compiled=there)
        assert (found.status, found.cause) == (Status.NOT_AFFECTED, Cause.OTHER_ARCH)


def test_another_architecture_does_not_excuse_a_missing_file() -> None:
    assert judged(["arch/arm64/kernel/entry.S", "mm/gone.c"]).status is Status.UNDECIDED


def test_what_all_architectures_share_belongs_to_none() -> None:
    assert judged(["arch/Kconfig"], not_compiled=["arch/Kconfig"]).status is Status.UNDECIDED


def test_an_architecture_of_which_a_file_is_compiled_is_not_another_one() -> None:
    # arm64 compiles arch/arm/xen/enlighten.c
    compiled = compiled_files(["arch/arm64/kernel/setup.c", "arch/arm/xen/enlighten.c"])
    found = judge_files(["arch/arm/Kconfig"], CompiledIndex(compiled))
    assert found.status is Status.UNDECIDED


def test_documentation_and_tests_for_user_space_need_not_be_there() -> None:
    files = ["drivers/net/tun.c", "Documentation/gone.rst", "tools/testing/selftests/net/gone.c"]
    assert judged(files).status is Status.NOT_AFFECTED


def test_a_program_for_user_space_is_not_in_a_kernel() -> None:
    assert judged(["tools/perf/a.c"], not_compiled=["tools/perf/a.c"]).status is Status.NOT_AFFECTED


# Renames


def test_a_renamed_file_is_found_under_its_other_name() -> None:
    assert judged(["fs/cifs/file.c"]).files == ("fs/smb/client/file.c",)
    assert judged(["fs/cifs/file.c"]).status is Status.AFFECTED
    assert judged(["fs/smb/client/dfs.c"]).status is Status.NOT_AFFECTED
    assert judged(["fs/smb/client/dfs.c"]).files == ("fs/cifs/dfs.c",)


def test_a_file_that_is_there_is_not_looked_for_under_another_name() -> None:
    found = judged(["fs/cifs/file.c"], not_compiled=["fs/cifs/file.c"])
    assert found.status is Status.NOT_AFFECTED


def test_code_that_was_split_off_a_compiled_file_means_affected() -> None:
    assert judged(["kernel/sched/syscalls.c"]).files == ("kernel/sched/core.c",)
    assert judged(["kernel/sched/syscalls.c"]).status is Status.AFFECTED


def test_code_that_was_split_off_a_file_which_is_not_compiled_decides_nothing() -> None:
    found = judged(["fs/btrfs/bio.c"], not_compiled=["fs/btrfs/volumes.c", "fs/btrfs/extent_io.c"])
    assert (found.status, found.cause) == (Status.UNDECIDED, Cause.MISSING)


def test_names_are_found_in_both_directions_over_several_moves() -> None:
    assert {"fs/ksmbd/a.c", "fs/smb/server/a.c"} <= set(other_names("fs/cifsd/a.c"))
    assert {"fs/ksmbd/a.c", "fs/cifsd/a.c"} <= set(other_names("fs/smb/server/a.c"))
    assert "kernel/module.c" in other_names("kernel/module/main.c")
    assert origins("mm/vma.c") == ["mm/mmap.c"]


@given(st.sampled_from(["fs/cifs/", "drivers/media/platform/mediatek/vcodec/", "x/"]), st.text())
def test_looking_for_names_ends(directory: str, rest: str) -> None:
    found = other_names(f"{directory}{rest}")
    assert len(found) < 200 and directory + rest not in found


# Without compiled files


def test_what_a_config_switches_off_is_a_reason_and_no_proof() -> None:
    off = {"drivers/net/tun.c": "TUN", "drivers/net/tap.c": "TAP"}
    found = guess(["drivers/net/tun.c", "drivers/net/tap.c"], off)
    assert (found.status, found.cause) == (Status.UNDECIDED, Cause.SWITCHED_OFF)
    assert found.options == ("CONFIG_TUN", "CONFIG_TAP")
    for files in (["drivers/net/tun.c", "net/core/dev.c"], []):
        assert guess(files, off) == Verdict(Status.UNDECIDED, Cause.NO_COMPILED_FILES)


# No wrong "not affected"

FILES = st.sampled_from(
    [
        *("net/core/dev.c", "include/linux/skbuff.h", "drivers/net/tun.c", "drivers/net/gone.c"),
        *("arch/arm64/kernel/entry.S", "arch/x86/Kconfig", "Documentation/x.rst", "mm/vma.c"),
        *("fs/cifs/file.c", "fs/cifs/dfs.c", "include/linux/if_tun.h"),
    ]
)


@given(st.lists(FILES))
def test_more_files_never_turn_a_verdict_into_not_affected(files: list[str]) -> None:
    for file in files:
        if judged([file]).status is Status.AFFECTED:
            assert judged(files).status is Status.AFFECTED
    if judged(files).status is Status.NOT_AFFECTED:
        single = {judged([file]).status for file in files if not file.startswith("Documentation")}
        assert single == {Status.NOT_AFFECTED}


# Compiled files that are refused


@pytest.mark.parametrize(
    ("compiled", "why"),
    [
        (CompiledFiles(frozenset(), {}, frozenset({"init/main.c"})), "it lists no files"),
        (CompiledFiles(frozenset(), {"a.ko": frozenset()}, frozenset()), "it lists no files"),
        (CompiledFiles(frozenset({"init/main.c"}), {}, frozenset()), "which files the source tree"),
        (
            CompiledFiles(frozenset({"sources/init/main.c"}), {}, frozenset({"init/main.c"})),
            "sources/init/main.c is not",
        ),
        (
            CompiledFiles(frozenset({"net/a.c", "net/a.h"}), {}, frozenset({"net/a.c", "net/a.h"})),
            "init/main.c",
        ),
        (
            CompiledFiles(
                frozenset({"a.h"}),
                {"a.ko": frozenset({"init/main.c"})},
                frozenset({"init/main.c", "a.h"}),
            ),
            "init/main.c",
        ),
        (
            CompiledFiles(frozenset({"init/main.c"}), {}, frozenset({"init/main.c"})),
            "no header files",
        ),
    ],
)
def test_compiled_files_that_cannot_be_those_of_a_kernel_are_refused(
    compiled: CompiledFiles, why: str
) -> None:
    with pytest.raises(UserError) as caught:
        require_compiled(compiled)
    assert why in caught.value.why
    assert "no CVE would be found" in caught.value.why


def test_the_compiled_files_of_a_kernel_are_accepted() -> None:
    require_compiled(compiled_files())
