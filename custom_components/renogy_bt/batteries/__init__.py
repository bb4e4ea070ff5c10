"""A bank and its batteries in Home Assistant: devices and actions."""
