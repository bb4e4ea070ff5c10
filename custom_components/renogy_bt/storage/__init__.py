"""What a bank keeps on disk: energy totals, and the alarms told of."""
