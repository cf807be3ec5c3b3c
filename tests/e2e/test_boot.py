"""Real kernels that go wrong, in a real QEMU: each has its verdict, within its time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.labs import VERSION, Lab

pytestmark = pytest.mark.e2e

SECONDS = "20"
OOPS = """\
--- /dev/null
+++ b/include/linux/ingot_oops.h
@@ -0,0 +1,14 @@
+#include <linux/init.h>
+#include <linux/kthread.h>
+static int ingot_oops(void *unused)
+{
+\t*(volatile int *)8 = 1;
+\treturn 0;
+}
+static int __init ingot_start(void)
+{
+\tkthread_run(ingot_oops, NULL, "ingot");
+\treturn 0;
+}
+late_initcall(ingot_start);
+
--- a/init/version.c
+++ b/init/version.c
@@ -1 +1,2 @@
+#include <linux/ingot_oops.h>
 // SPDX-License-Identifier: GPL-2.0-only
"""


@pytest.mark.parametrize(
    ("append", "verdict", "reason"),
    [
        ("root=nowhere rdinit=/nope", "panic", "Kernel panic - not syncing"),
        ("root=/dev/nope rootwait rdinit=/nope", "hang", "still running after"),
        ("8250.nr_uarts=0", "silent", "nothing on the console"),
    ],
)
def test_a_boot_that_goes_wrong_has_its_verdict(
    lab: Lab, built: dict[str, object], append: str, verdict: str, reason: str
) -> None:
    words = ("--append", append, "--boot-timeout", SECONDS, "--json")
    done = lab.ingot("boot", VERSION, *words)
    assert done.returncode == 6
    document = json.loads(done.stdout)
    assert document["verdict"] == verdict
    assert document["reason"].startswith(reason)


def test_an_oops_that_the_kernel_survives_is_told_and_not_tagged(
    lab: Lab, built: dict[str, object], tmp_path: Path
) -> None:
    other = lab.variant(tmp_path)
    other.patch(OOPS)
    done = other.ingot("build", VERSION)
    assert done.returncode == 6, done.stderr
    assert "did not pass its boot test: oops" in done.stderr
    assert "NULL pointer dereference" in done.stderr
    assert "(the guest then ended cleanly)" in done.stderr


def test_a_kernel_file_boots_by_itself(lab: Lab, built: dict[str, object], tmp_path: Path) -> None:
    done = lab.ingot("export", f"kernel-bin:{VERSION}", "--to", str(tmp_path / "bin"))
    assert done.returncode == 0, done.stderr
    kernel = tmp_path / "bin/boot/vmlinux"
    document = json.loads(lab.ingot("boot", str(kernel), "--json").stdout)
    assert document["verdict"] == "booted"  # the file has no config, which says what to check
    assert [check["name"] for check in document["checks"]] == ["release", "shutdown"]
    wrong = lab.ingot("boot", str(kernel), "--arch", "arm64", "--json")
    assert json.loads(wrong.stdout)["verdict"] == "wrong arch"
    shell = shutil.which("sh")
    assert shell
    none = lab.ingot("boot", str(Path(shell).resolve()), "--json")
    assert json.loads(none.stdout)["verdict"] == "not started"
