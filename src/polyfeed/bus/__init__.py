"""What carries batches from the venue to whoever reads them."""
