"""The process that holds the loaded model: reads requests, streams answers."""
