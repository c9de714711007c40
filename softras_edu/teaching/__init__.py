"""What only the course needs: figures, readers of measurements, cost ledgers, a workshop for Triton."""
