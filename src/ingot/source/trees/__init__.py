"""Source trees on disk: unpacked, cached, copied, patched, and their digests."""
