"""What importing the package may load, and what it may depend on."""

from __future__ import annotations

import subprocess
import sys


def test_requests_and_debian_are_loaded_late() -> None:
    script = (
        "import sys, ingot.source.obtain, ingot.source.debian.debian_origin,"
        " ingot.source.kernel_org.kernel_org_origin, ingot.source.local_source\n"
        "sys.exit(bool({'requests', 'urllib3', 'debian'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
