"""`ingot boot`: boot a kernel, and show what its guest reported."""
