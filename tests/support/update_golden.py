"""Write golden.json anew, after a change that is meant to change digests.

    .venv/bin/python -m tests.support.update_golden

Every image of every user gets new digests then: say so in the change log.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from ingot.oci import Layout
from tests.support.sample_images import GOLDEN, digests

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        text = json.dumps(digests(Layout(Path(directory) / "images")), indent=2)
    GOLDEN.write_text(f"{text}\n")
