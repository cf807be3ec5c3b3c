"""Boot tests: start a guest, read what its init reports, and decide whether it passed."""
