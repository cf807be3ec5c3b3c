"""Signatures on images, and what a signer attests about an image.

    keys, key_files      key pairs, in the files of cosign
    dsse, statement      signed envelopes, and the statements in them (in-toto)
    bundle               the JSON document of cosign 3 that has one envelope
    simple_signing       the signature of cosign 2
    attached, places     where signatures are kept: in the store, and in registries
    signing, verifying   the two uses of all this
    predicates           what `ingot sign` attests about an image of a kernel

A signature is about the digest of a manifest. It is kept next to the image, so the image does not
change when it is signed. The modules are imported by their names: they need a large library.
"""
