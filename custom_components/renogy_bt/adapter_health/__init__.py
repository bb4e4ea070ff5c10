"""Health of one Bluetooth adapter, judged and climbed for; pure, with the clock passed in."""
