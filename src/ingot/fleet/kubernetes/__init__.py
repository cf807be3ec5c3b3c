"""The engine `kubernetes`."""
