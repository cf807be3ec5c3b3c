"""Code that several verbs use: options, operands, and output."""
