"""The default builder: a root filesystem of Debian packages, kept as an OCI image.

`mmdebstrap` makes it once from the signed archive that apt is configured with; the image
`kernel-builder:<name>` in the store holds it, and it is unpacked below the cache to be entered:

    builders/<digest of the manifest>/   the root filesystem

What is particular to the machine that made it (host name, resolver, mirror) is left out.
"""

from __future__ import annotations
