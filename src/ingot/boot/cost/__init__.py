"""What a kernel costs to boot: instructions and memory, counted and attributed."""
