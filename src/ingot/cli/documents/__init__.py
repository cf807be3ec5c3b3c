"""The JSON documents that verbs print with --json: their keys, and the shape of each.

keys     what each key means: one key means the same in every document
parts    the shapes that several documents contain, and functions that make them
verbs    the document of each verb
page     docs/json.md, which scripts/update-json-docs writes
"""
