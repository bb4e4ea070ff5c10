"""A bank and its batteries in Home Assistant: devices, repair issues, actions."""
