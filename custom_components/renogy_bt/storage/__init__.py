"""What is kept on disk: energy totals, the alarms told of, and adapters' histories."""
