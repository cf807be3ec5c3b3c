"""The engine `local`: processes on this machine."""
