"""What the verbs share: options, operands, and all that is printed."""
