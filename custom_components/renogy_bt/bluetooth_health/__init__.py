"""Health of Bluetooth adapters: watch, judge, repair, tell."""
