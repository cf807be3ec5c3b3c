"""Getting files from other machines: downloads, signatures, the compressions of tarballs."""
