"""Links as a bank has them: stored, connected to, polled, and searched for batteries."""
