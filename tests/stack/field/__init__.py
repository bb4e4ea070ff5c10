"""What public reports about adapters tell, over the real stack."""
