"""The real Bluetooth stack on the emulated world; needs a dbus-daemon, no kernel Bluetooth."""
