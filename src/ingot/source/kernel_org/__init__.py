"""The origin kernel.org: signed tarballs, and its list of releases."""
