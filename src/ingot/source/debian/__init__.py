"""The origin Debian: upstream tarballs, through the signed indexes of an archive."""
