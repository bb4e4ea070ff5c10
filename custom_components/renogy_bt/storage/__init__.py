"""What is kept on disk: energy totals, alarms that were told, and histories of adapters."""
