"""The download process: one file from the hub, resumed, verified and only then given its name."""
