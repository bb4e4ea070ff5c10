"""Pictures of the demo for the documentation, taken by a browser."""
