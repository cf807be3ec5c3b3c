"""Asserts in tests/support explain what failed, as those in test modules do."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.support")
