from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ingot.oci import layer_compression
from ingot.oci.layer_compression import CompressedDataError, compress, read_gzip, read_zstd


@pytest.fixture(autouse=True, scope="module")
def small_members() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layer_compression, "MEMBER_BYTES", 100)
        patch.setattr(layer_compression, "_OUTPUT", 30)
        yield


@given(st.binary(max_size=1000), st.integers(1, 300), st.integers(1, 50))
def test_round_trip_whatever_the_chunks(data: bytes, step: int, reading: int) -> None:
    chunks = [data[i : i + step] for i in range(0, len(data), step)]
    packed = b"".join(compress(chunks))
    assert packed == b"".join(compress([data]))
    assert gzip.decompress(packed) == data
    pieces = [packed[i : i + reading] for i in range(0, len(packed), reading)]
    assert b"".join(read_gzip(pieces)) == data


def test_a_bomb_comes_out_in_bounded_pieces() -> None:
    packed = gzip.compress(bytes(100_000))
    assert max(map(len, read_gzip([packed]))) <= 30
    assert sum(map(len, read_gzip([packed]))) == 100_000


@pytest.mark.parametrize("cut", [5, 20, -1, -9])
def test_truncation_is_an_error(cut: int) -> None:
    packed = b"".join(compress([bytes(range(256))]))
    with pytest.raises(CompressedDataError):
        list(read_gzip([packed[:cut]]))


def test_no_machine_or_time_in_the_header() -> None:
    assert b"".join(compress([b"x"]))[:10].hex() == "1f8b08000000000000ff"


def test_only_a_few_members_are_in_memory() -> None:
    taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield bytes(100)

    most = 0
    for number, _ in enumerate(compress(chunks())):
        most = max(most, taken - number)
    assert taken == 1000
    assert most <= layer_compression._WORKERS + 2


def test_stopping_early_ends_the_threads() -> None:
    before = set(threading.enumerate())
    taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield bytes(100)

    stream = compress(chunks())
    next(iter(stream))
    assert set(threading.enumerate()) - before
    stream.close()  # type: ignore[attr-defined]
    assert set(threading.enumerate()) <= before
    assert taken < 1000


@given(st.binary(max_size=1000), st.integers(1, 4), st.integers(1, 50))
def test_zstd_frames_are_read_whatever_the_chunks(data: bytes, frames: int, reading: int) -> None:
    skippable = bytes.fromhex("502a4d18 03000000") + b"abc"
    packed = b"".join((zstandard.compress(data), skippable) * frames)
    pieces = [packed[i : i + reading] for i in range(0, len(packed), reading)]
    assert b"".join(read_zstd(pieces)) == data * frames


def test_a_bomb_of_zstd_comes_out_in_bounded_pieces() -> None:
    packed = zstandard.compress(bytes(100_000))
    assert max(map(len, read_zstd([packed]))) <= 30
    assert sum(map(len, read_zstd([packed]))) == 100_000


@pytest.mark.parametrize("data", [b"not zstd", bytes.fromhex("28b52ffd 2001 070000")])
def test_what_is_not_zstd_is_an_error(data: bytes) -> None:
    with pytest.raises(CompressedDataError):
        list(read_zstd([data]))


def test_a_window_larger_than_memory_is_an_error() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28, compression_level=1)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = compressor.compress(bytes(1000)) + compressor.flush()
    with pytest.raises(CompressedDataError, match="memory"):
        list(read_zstd([packed]))
