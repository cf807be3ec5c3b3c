"""The JSON documents that verbs print with --json: their keys, and the shape of each.

keys         what each key means: one key means the same in every document
part_shapes  the shapes that several documents contain
parts        functions that make them
verbs        the shape of the document of each verb
page         docs/json.md, which scripts/update-json-docs writes
"""
