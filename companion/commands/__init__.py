"""The commands of `companion`, one module each, imported only when called."""
