"""The local Bluetooth adapters in Home Assistant: devices and recovery."""
