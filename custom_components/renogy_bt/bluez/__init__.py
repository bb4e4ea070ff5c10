"""What bluetoothd tells over D-Bus; free of Home Assistant."""
