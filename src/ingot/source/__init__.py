"""Where kernel sources come from: verified or refused, unpacked once, cached by digest."""
