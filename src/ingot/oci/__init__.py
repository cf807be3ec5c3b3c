"""OCI images: layers, images and the image store. Nothing here depends on kernels."""

from ingot.oci.artifact import Artifact, read_artifact, write_artifact
from ingot.oci.contents import FileInfo, list_files, read_file
from ingot.oci.copying import copy_image
from ingot.oci.descriptor import REF_NAME, Descriptor, Platform
from ingot.oci.garbage import Garbage, blobs_of_only, collect_garbage
from ingot.oci.image import Image, read_image, write_image
from ingot.oci.layer_entry import (
    EntryKind,
    LayerEntry,
    directory_entry,
    file_entry,
    link_entry,
    tree_entries,
)
from ingot.oci.layer_writer import Layer, write_layer, write_tar_layer
from ingot.oci.layout import Layout, check_tag_name
from ingot.oci.packed_annotation import pack_text, unpack_text
from ingot.oci.unpack_image import extract
from ingot.oci.validate import Problem, validate_image, validate_layout

__all__ = [
    "REF_NAME",
    "Artifact",
    "Descriptor",
    "EntryKind",
    "FileInfo",
    "Garbage",
    "Image",
    "Layer",
    "LayerEntry",
    "Layout",
    "Platform",
    "Problem",
    "blobs_of_only",
    "check_tag_name",
    "collect_garbage",
    "copy_image",
    "directory_entry",
    "extract",
    "file_entry",
    "link_entry",
    "list_files",
    "pack_text",
    "read_artifact",
    "read_file",
    "read_image",
    "tree_entries",
    "unpack_text",
    "validate_image",
    "validate_layout",
    "write_artifact",
    "write_image",
    "write_layer",
    "write_tar_layer",
]
