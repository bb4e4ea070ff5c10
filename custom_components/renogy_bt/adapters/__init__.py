"""The local Bluetooth adapters in Home Assistant: devices, repair issues, recovery."""
