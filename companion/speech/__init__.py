"""The speech process: the system's voice, which may block or die without the window noticing."""
